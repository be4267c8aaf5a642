// A store's menu, with the order slip beside it (on a phone: a bar at the bottom that leads to it).

import { fetchMenu } from "../api.js";
import { dishPicture, storePicture, tintOf } from "../art.js";
import { addToCart } from "../cart.js";
import { openDish } from "../dialogs.js";
import { bone, h, picture, replace } from "../dom.js";
import { pieces, won } from "../format.js";
import { makeSlip } from "../slip.js";
import { t } from "../words.js";
import { deliveryFee, openChip } from "./stores.js";

export const title = () => t("menu.title");

export async function draw({ main, params, signal, failure, announce }) {
  const [storeId] = params;
  replace(main, menuBones());
  let menu;
  try {
    menu = await fetchMenu(storeId, signal);
  } catch (problem) {
    replace(
      main,
      failure(problem, () => draw({ main, params, signal, failure, announce })),
    );
    return;
  }
  document.title = t("page.title", { page: menu.name });

  const checkout = `/shop/stores/${encodeURIComponent(storeId)}/checkout`;
  const order = h(
    "a",
    { class: "button button-main button-wide", href: checkout },
    t("menu.order"),
  );
  const bar = h("a", { class: "bar", href: checkout, hidden: true });
  const onChange = ({ quote, items, isCurrent, isBelowMinimum }) => {
    const isReady = items.length > 0 && isCurrent && !isBelowMinimum && menu.open;
    order.toggleAttribute("aria-disabled", !isReady);
    order.setAttribute("aria-disabled", String(!isReady));
    order.hidden = items.length === 0;
    bar.hidden = items.length === 0;
    replace(
      bar,
      h("span", { class: "bar-count" }, pieces(items)),
      h("span", { class: "bar-text" }, t("menu.cart")),
      h(
        "span",
        { class: isCurrent ? "bar-amount" : "bar-amount is-old" },
        quote ? won(quote.amount) : "",
      ),
    );
  };
  order.addEventListener("click", (event) => {
    if (order.getAttribute("aria-disabled") === "true") event.preventDefault();
  });
  const slip = makeSlip({ store: menu, signal, onChange, foot: order });
  const add = (item) => {
    addToCart(storeId, item);
    announce(t("menu.added"));
  };

  replace(
    main,
    h(
      "div",
      { class: "columns" },
      h("div", { class: "columns-main" }, storeHead(menu), dishes(menu, add)),
      h("aside", { class: "columns-side is-wide-only" }, slip.element),
    ),
    bar,
  );
  await slip.ask();
}

function storeHead(menu) {
  const art = storePicture(menu);
  return h(
    "header",
    { class: "store-top" },
    h("div", { class: `store-top-art tint-${tintOf(art)}` }, picture(art, "store-picture")),
    h(
      "div",
      { class: "store-top-body" },
      h("h1", { class: "store-top-name" }, menu.name),
      h(
        "p",
        { class: "store-facts" },
        openChip(menu),
        h("span", {}, t("store.minimum", { amount: won(menu.minimumOrder) })),
        h("span", {}, deliveryFee(menu)),
      ),
      menu.open ? null : h("p", { class: "note" }, t("menu.closed")),
    ),
  );
}

function dishes(menu, add) {
  if (menu.products.length === 0) return h("p", { class: "quiet" }, t("menu.none"));
  return h(
    "ul",
    { class: "dishes" },
    menu.products.map((product) => {
      const art = dishPicture(product.name, product.productId);
      const isOffered = product.available && menu.open;
      return h(
        "li",
        {},
        h(
          "button",
          {
            class: "dish",
            type: "button",
            "data-product": product.productId,
            disabled: !isOffered,
            on: { click: () => openDish(product, add) },
          },
          h(
            "span",
            { class: "dish-body" },
            h("strong", { class: "dish-name" }, product.name),
            product.description ? h("span", { class: "dish-text" }, product.description) : null,
            h(
              "span",
              { class: "dish-cost" },
              won(product.price),
              product.available ? null : h("span", { class: "tag" }, t("dish.soldOut")),
            ),
          ),
          h(
            "span",
            { class: `dish-art tint-${tintOf(art)}` },
            picture(art, "dish-picture"),
            isOffered ? h("span", { class: "dish-plus" }, picture("plus", "icon")) : null,
          ),
        ),
      );
    }),
  );
}

function menuBones() {
  const row = () =>
    h(
      "li",
      {},
      h(
        "div",
        { class: "dish is-bone" },
        h("span", { class: "dish-body" }, bone(8), bone(16), bone(6)),
        h("span", { class: "dish-art tint-bone" }),
      ),
    );
  return h(
    "div",
    { class: "columns", "aria-hidden": "true" },
    h(
      "div",
      { class: "columns-main" },
      h(
        "div",
        { class: "store-top" },
        h("div", { class: "store-top-art tint-bone" }),
        h(
          "div",
          { class: "store-top-body" },
          h("p", { class: "store-top-name" }, bone(9)),
          h("p", { class: "store-facts" }, bone(18)),
        ),
      ),
      h("ul", { class: "dishes" }, [0, 1, 2, 3].map(row)),
    ),
    h("div", { class: "columns-side is-wide-only" }, h("div", { class: "slip slip-bone" })),
  );
}
