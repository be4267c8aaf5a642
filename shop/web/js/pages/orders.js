// The orders that were made in this browser, each with what the API says about it now.

import { call } from "../api.js";
import { bone, h, picture, replace } from "../dom.js";
import { clock, won } from "../format.js";
import { dropOrder, ownOrders } from "../memory.js";
import { statusChip } from "../timeline.js";
import { t } from "../words.js";

const AT_ONCE = 4;

export const title = () => t("orders.title");

export async function draw({ main, signal }) {
  const orders = ownOrders();
  const rows = orders.map((order) => ({
    order,
    chip: h("span", { class: "order-chip" }, bone(5)),
  }));
  replace(
    main,
    h(
      "div",
      { class: "narrow" },
      h("h1", { class: "page-title" }, t("orders.title")),
      h("p", { class: "quiet" }, t("orders.lead")),
      rows.length === 0 ? noOrders() : h("ul", { class: "orders" }, rows.map(orderRow)),
    ),
  );

  const waiting = [...rows];
  const work = async () => {
    for (let row = waiting.shift(); row && !signal.aborted; row = waiting.shift())
      await refresh(row, signal);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

async function refresh({ order, chip }, signal) {
  try {
    const path = `/v1/orders/${encodeURIComponent(order.orderId)}`;
    const answer = await call("GET", path, { bearer: order.accessToken, signal });
    replace(chip, statusChip(answer.body));
  } catch (problem) {
    signal.throwIfAborted();
    const isGone = problem.status === 404 || problem.status === 401;
    replace(
      chip,
      h("span", { class: "chip chip-neutral" }, t(isGone ? "orders.gone" : "orders.unknown")),
      isGone ? forgetButton(order, chip) : null,
    );
  }
}

function forgetButton(order, chip) {
  const forget = () => {
    dropOrder(order.orderId);
    chip.closest("li").remove();
  };
  return h(
    "button",
    { class: "button button-plain button-small", type: "button", on: { click: forget } },
    t("orders.forget"),
  );
}

function orderRow({ order, chip }) {
  return h(
    "li",
    { class: "order-row" },
    h(
      "a",
      { class: "order-link", href: `/shop/orders/${encodeURIComponent(order.orderId)}` },
      h(
        "span",
        { class: "order-what" },
        h("strong", {}, order.orderName),
        h(
          "span",
          { class: "quiet" },
          order.createdAt ? `${order.storeName} · ${clock(order.createdAt)}` : order.storeName,
        ),
      ),
      h("span", { class: "order-amount" }, won(order.amount)),
    ),
    chip,
  );
}

function noOrders() {
  return h(
    "div",
    { class: "nothing" },
    picture("plate", "nothing-art"),
    h("p", {}, t("orders.none")),
    h("a", { class: "button button-main", href: "/" }, t("orders.start")),
  );
}
