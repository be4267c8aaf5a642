// The order slip: the cart with the calculation that the API makes for it. It asks for a new quote
// whenever the cart changes. Below the store's minimum the API refuses to quote; then the lines
// show the menu's prices, and the sum is the one that the refusal names.

import { call } from "./api.js";
import { cartItems, lineKey, onCartChange, setQuantity } from "./cart.js";
import { stepButton } from "./dialogs.js";
import { bone, h, picture, replace } from "./dom.js";
import { won } from "./format.js";
import { t } from "./words.js";

const SETTLE_MS = 250;

/**
 * Makes the slip of a store.
 *
 * `onChange({quote, items, isCurrent, isBelowMinimum})` tells each new state; `quote` may be older
 * than `items` while `isCurrent` is false. Returns `{element, ask}`.
 */
export function makeSlip({ store, signal, onChange, foot }) {
  const element = h("section", { class: "slip", "aria-labelledby": "slip-title" });
  const state = { quote: null, problem: null, isCurrent: false, round: null };

  const draw = () => {
    const items = cartItems(store.storeId);
    replace(
      element,
      slipHead(store),
      items.length === 0
        ? emptySlip()
        : [
            h(
              "ul",
              { class: "slip-lines" },
              items.map((item, index) => slipLine(store, item, state, index)),
            ),
            slipSums(store, state),
            problemNote(state, ask),
          ],
      foot ? h("div", { class: "slip-foot" }, foot) : null,
    );
    element.classList.toggle("is-asking", !state.isCurrent && items.length > 0);
    element.setAttribute("aria-busy", String(!state.isCurrent && items.length > 0));
    onChange({
      quote: state.quote,
      items,
      isCurrent: state.isCurrent,
      isBelowMinimum: missing(state.quote) > 0,
    });
  };

  const ask = async (delayMs = 0) => {
    state.round?.abort();
    const round = new AbortController();
    state.round = round;
    const items = cartItems(store.storeId);
    Object.assign(state, { isCurrent: items.length === 0, problem: null });
    if (items.length === 0) state.quote = null;
    draw();
    if (items.length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    if (round.signal.aborted || signal.aborted) return;
    try {
      const body = { storeId: store.storeId, items };
      const both = AbortSignal.any([signal, round.signal]);
      const answer = await call("POST", "/v1/quotes", { body, signal: both });
      Object.assign(state, { quote: answer.body, isCurrent: true });
    } catch (problem) {
      if (round.signal.aborted || signal.aborted) return;
      if (problem.code === "below_minimum_order") {
        const quote = belowMinimum(store, items, problem.body);
        Object.assign(state, { quote, isCurrent: true });
      } else {
        Object.assign(state, { problem, quote: null });
      }
    }
    draw();
  };

  onCartChange(() => ask(SETTLE_MS), signal);
  signal.addEventListener("abort", () => state.round?.abort());
  return { element, ask };
}

function belowMinimum(store, items, { itemsAmount, minimumOrder }) {
  const { deliveryFee } = store;
  const lines = items.map((item) => menuLine(store, item));
  return { lines, itemsAmount, deliveryFee, amount: itemsAmount + deliveryFee, minimumOrder };
}

function menuLine(store, item) {
  const product = store.products.find(({ productId }) => productId === item.productId);
  const offered = (product?.optionGroups ?? []).flatMap((group) => group.options);
  const options = offered.filter(({ optionId }) => item.options.includes(optionId));
  const each = options.reduce((sum, option) => sum + option.price, product?.price ?? 0);
  return { ...item, name: product?.name ?? item.productId, options, amount: each * item.quantity };
}

function slipHead(store) {
  return h(
    "header",
    { class: "slip-head" },
    h("h2", { class: "slip-title", id: "slip-title" }, t("slip.title")),
    h("p", { class: "slip-store" }, store.name),
  );
}

function emptySlip() {
  return h(
    "div",
    { class: "slip-empty" },
    picture("plate", "slip-empty-art"),
    h("p", {}, t("slip.empty")),
  );
}

function slipLine(store, item, state, index) {
  const key = lineKey(item);
  // While a new quote is on its way, the old one may have other lines.
  const line = state.quote?.lines.find((other) => lineKey(asItem(other)) === key) ?? null;
  const product = store.products?.find((other) => other.productId === item.productId);
  const name = line?.name ?? product?.name ?? item.productId;
  const isRefused = state.problem?.fields.some(
    ({ pointer }) => /^#?\/items\/(\d+)/.exec(pointer)?.[1] === String(index),
  );
  const step = (by) => () => setQuantity(store.storeId, key, item.quantity + by);
  return h(
    "li",
    { class: isRefused ? "slip-line is-refused" : "slip-line" },
    h(
      "div",
      { class: "slip-what" },
      h("p", { class: "slip-name" }, name),
      line && line.options.length > 0
        ? h("p", { class: "slip-options" }, line.options.map((option) => option.name).join(", "))
        : null,
    ),
    h("p", { class: "slip-amount" }, line ? won(line.amount) : blank(state)),
    h(
      "div",
      { class: "stepper stepper-small" },
      stepButton(
        item.quantity > 1 ? "minus" : "bin",
        item.quantity > 1 ? t("slip.less", { name }) : t("slip.remove", { name }),
        step(-1),
        `${key}-`,
      ),
      h("span", { class: "stepper-count" }, item.quantity),
      stepButton("plus", t("slip.more", { name }), step(1), `${key}+`),
    ),
  );
}

/** What stands for an amount that is on its way, or that cannot be had. */
function blank({ problem }) {
  return problem ? "–" : bone(6);
}

/** The item that a quoted line was made from. */
export function asItem(line) {
  return {
    productId: line.productId,
    quantity: line.quantity,
    options: line.options.map((option) => option.optionId),
  };
}

function slipSums(store, state) {
  const { quote } = state;
  const row = (label, value, className) =>
    h("div", { class: className }, h("dt", {}, label), h("dd", {}, value));
  const lack = missing(quote);
  return [
    h(
      "dl",
      { class: "slip-sums" },
      row(t("slip.items"), quote ? won(quote.itemsAmount) : blank(state)),
      row(t("slip.delivery"), won(quote ? quote.deliveryFee : store.deliveryFee)),
      row(t("slip.total"), quote ? won(quote.amount) : blank(state), "slip-total"),
    ),
    lack > 0
      ? h(
          "div",
          { class: "slip-minimum" },
          h("progress", {
            max: quote.minimumOrder,
            value: quote.itemsAmount,
            "aria-label": t("slip.minimum", { amount: won(quote.minimumOrder) }),
          }),
          h("p", {}, t("slip.lack", { amount: won(lack), minimum: won(quote.minimumOrder) })),
        )
      : null,
  ];
}

function missing(quote) {
  return quote ? Math.max(0, quote.minimumOrder - quote.itemsAmount) : 0;
}

function problemNote({ problem }, ask) {
  if (!problem) return null;
  return h(
    "div",
    { class: "note note-bad", role: "alert" },
    h("p", {}, problem.message),
    h(
      "button",
      { class: "button button-plain button-small", type: "button", on: { click: () => ask() } },
      t("retry"),
    ),
  );
}
