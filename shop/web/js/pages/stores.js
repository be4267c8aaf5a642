// The first page: which store to order from.

import { call } from "../api.js";
import { storePicture, tintOf } from "../art.js";
import { cartCount } from "../cart.js";
import { bone, h, picture, replace } from "../dom.js";
import { won } from "../format.js";
import { t } from "../words.js";

export const title = () => t("stores.title");

export async function draw({ main, signal, failure }) {
  const list = h("div", { class: "stores" });
  replace(
    main,
    h(
      "section",
      { class: "hero" },
      h(
        "div",
        { class: "hero-text" },
        h("h1", { class: "hero-title" }, t("hero.title")),
        h("p", { class: "hero-lead" }, t("hero.lead")),
      ),
      h(
        "div",
        { class: "hero-art", "aria-hidden": "true" },
        picture("bowl", "hero-bowl"),
        picture("chicken", "hero-chicken"),
        picture("drink", "hero-drink"),
      ),
    ),
    h(
      "section",
      { class: "block", "aria-labelledby": "stores-title" },
      h("h2", { class: "block-title", id: "stores-title" }, t("stores.heading")),
      list,
    ),
    howItWorks(),
  );

  const load = async () => {
    replace(
      list,
      [0, 1].map(() => storeBone()),
    );
    try {
      const answer = await call("GET", "/v1/stores", { signal });
      const stores = answer.body.data;
      replace(
        list,
        stores.length > 0 ? stores.map(storeCard) : h("p", { class: "quiet" }, t("stores.none")),
      );
    } catch (problem) {
      replace(list, failure(problem, load));
    }
  };
  await load();
}

function storeCard(store) {
  const art = storePicture(store);
  const count = cartCount(store.storeId);
  const facts = h(
    "p",
    { class: "store-facts" },
    h("span", {}, t("store.minimum", { amount: won(store.minimumOrder) })),
    h("span", {}, deliveryFee(store)),
  );
  return h(
    "a",
    { class: "store", href: `/shop/stores/${encodeURIComponent(store.storeId)}` },
    h("span", { class: `store-art tint-${tintOf(art)}` }, picture(art, "store-picture")),
    h(
      "span",
      { class: "store-body" },
      h(
        "span",
        { class: "store-head" },
        h("strong", { class: "store-name" }, store.name),
        openChip(store),
      ),
      facts,
      count > 0 ? h("span", { class: "store-cart" }, t("store.inCart", { n: count })) : null,
    ),
  );
}

/** "Open" or "closed". */
export function openChip(store) {
  return h(
    "span",
    { class: store.open ? "chip chip-good" : "chip chip-neutral" },
    t(store.open ? "store.open" : "store.closed"),
  );
}

/** The delivery fee in words. */
export function deliveryFee(store) {
  return store.deliveryFee > 0
    ? t("store.delivery", { amount: won(store.deliveryFee) })
    : t("store.deliveryFree");
}

function storeBone() {
  return h(
    "div",
    { class: "store is-bone", "aria-hidden": "true" },
    h("span", { class: "store-art tint-bone" }),
    h(
      "span",
      { class: "store-body" },
      h("span", { class: "store-head" }, bone(10)),
      h("span", { class: "store-facts" }, bone(18)),
    ),
  );
}

function howItWorks() {
  const steps = [
    ["how.order", "how.orderText"],
    ["how.pay", "how.payText"],
    ["how.approve", "how.approveText"],
  ];
  return h(
    "section",
    { class: "block", "aria-labelledby": "how-title" },
    h("h2", { class: "block-title", id: "how-title" }, t("how.title")),
    h(
      "ol",
      { class: "how" },
      steps.map(([name, text]) =>
        h(
          "li",
          { class: "how-step" },
          h("h3", { class: "how-name" }, t(name)),
          h("p", { class: "quiet" }, t(text)),
        ),
      ),
    ),
  );
}
