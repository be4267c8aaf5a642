// The two dialogs: choosing a dish with its options, and agreeing to an amount that has changed.

import { dishPicture, tintOf } from "./art.js";
import { h, picture, replace } from "./dom.js";
import { won } from "./format.js";
import { t } from "./words.js";

const QUANTITY_MAX = 99;

/** Asks for options and quantity; `onAdd(item)` when the customer adds the dish to the cart. */
export function openDish(product, onAdd) {
  const groups = product.optionGroups ?? [];
  const chosen = new Map(groups.map((group) => [group.groupId, preselected(group)]));
  let quantity = 1;
  const add = h("button", { class: "button button-main", type: "submit" });
  const count = h("output", { class: "stepper-count" });
  const art = dishPicture(product.name, product.productId);

  const total = () => {
    const options = groups.flatMap((group) =>
      group.options.filter(({ optionId }) => chosen.get(group.groupId).has(optionId)),
    );
    return (product.price + options.reduce((sum, option) => sum + option.price, 0)) * quantity;
  };
  const refresh = () => {
    add.textContent = t("dish.add", { amount: won(total()) });
    count.textContent = String(quantity);
    less.disabled = quantity <= 1;
    more.disabled = quantity >= QUANTITY_MAX;
  };
  const change = (by) => () => {
    quantity = Math.min(QUANTITY_MAX, Math.max(1, quantity + by));
    refresh();
  };
  const less = stepButton("minus", t("slip.less", { name: product.name }), change(-1));
  const more = stepButton("plus", t("slip.more", { name: product.name }), change(1));
  const sections = groups.map((group) => optionGroup(group, chosen.get(group.groupId), refresh));

  const submit = (event) => {
    event.preventDefault();
    const missing = groups.findIndex((group) => chosen.get(group.groupId).size < group.minChoices);
    if (missing >= 0) {
      sections[missing].classList.add("is-missing");
      sections[missing].querySelector("input:not(:disabled)")?.focus();
      return;
    }
    dialog.close();
    onAdd({
      productId: product.productId,
      quantity,
      options: [...chosen.values()].flatMap((set) => [...set]),
    });
  };
  const dialog = sheet(
    product.name,
    h(
      "form",
      { class: "sheet-form", on: { submit } },
      h(
        "div",
        { class: "sheet-scroll" },
        h("div", { class: `dish-hero tint-${tintOf(art)}` }, picture(art, "dish-hero-art")),
        h(
          "div",
          { class: "dish-head" },
          h("h2", { class: "dish-title", id: "sheet-title" }, product.name),
          product.description ? h("p", { class: "quiet" }, product.description) : null,
          h("p", { class: "dish-price" }, won(product.price)),
        ),
        sections,
      ),
      h("div", { class: "sheet-foot" }, h("div", { class: "stepper" }, less, count, more), add),
    ),
  );
  refresh();
  show(dialog);
}

function preselected(group) {
  const first = group.options.find((option) => option.available);
  const isOneOf = group.minChoices === 1 && group.maxChoices === 1;
  return new Set(isOneOf && first ? [first.optionId] : []);
}

function optionGroup(group, chosen, refresh) {
  const isOneOf = group.minChoices === 1 && group.maxChoices === 1;
  const inputs = [];
  const change = (option) => (event) => {
    if (isOneOf) chosen.clear();
    if (event.target.checked) chosen.add(option.optionId);
    else chosen.delete(option.optionId);
    const isFull = !isOneOf && chosen.size >= group.maxChoices;
    for (const { input, option: other } of inputs) {
      input.disabled = !other.available || (isFull && !input.checked);
    }
    section.classList.remove("is-missing");
    refresh();
  };
  const rows = group.options.map((option) => {
    const input = h("input", {
      type: isOneOf ? "radio" : "checkbox",
      name: group.groupId,
      value: option.optionId,
      disabled: !option.available,
      prop: { checked: chosen.has(option.optionId) },
      on: { change: change(option) },
    });
    inputs.push({ input, option });
    return h(
      "label",
      { class: "option" },
      input,
      h("span", { class: "option-name" }, option.name),
      h("span", { class: "option-price" }, optionPrice(option)),
    );
  });
  const section = h(
    "fieldset",
    { class: "options" },
    h(
      "legend",
      {},
      h("span", { class: "options-name" }, group.name),
      h("span", { class: group.minChoices > 0 ? "tag tag-must" : "tag" }, groupRule(group)),
    ),
    rows,
  );
  return section;
}

function optionPrice(option) {
  if (!option.available) return t("dish.soldOut");
  return option.price > 0 ? `+${won(option.price)}` : t("dish.free");
}

function groupRule({ minChoices, maxChoices }) {
  if (minChoices > 0 && minChoices === maxChoices) return t("dish.exactly", { n: minChoices });
  if (minChoices > 0) return t("dish.between", { min: minChoices, max: maxChoices });
  return t("dish.upTo", { n: maxChoices });
}

export function stepButton(icon, label, click, key = null) {
  return h(
    "button",
    { class: "step", type: "button", "aria-label": label, "data-key": key, on: { click } },
    picture(icon, "icon"),
  );
}

/**
 * Shows the new calculation and asks whether to go on. Resolves to true or false.
 * `before` is the amount that the customer had seen.
 */
export function agreeToAmount(before, quote) {
  return new Promise((resolve) => {
    let isAgreed = false;
    const agree = () => {
      isAgreed = true;
      dialog.close();
    };
    const dialog = sheet(
      t("mismatch.title"),
      h(
        "div",
        { class: "sheet-form" },
        h(
          "div",
          { class: "sheet-scroll sheet-text" },
          h("h2", { class: "dish-title", id: "sheet-title" }, t("mismatch.title")),
          h("p", { class: "quiet" }, t("mismatch.text")),
          h(
            "table",
            { class: "sums" },
            h("caption", { class: "unseen" }, t("mismatch.caption")),
            h(
              "tbody",
              {},
              quote.lines.map((line) =>
                sumRow(`${line.name} × ${line.quantity}`, won(line.amount)),
              ),
              sumRow(t("slip.delivery"), won(quote.deliveryFee)),
            ),
            h(
              "tfoot",
              {},
              h(
                "tr",
                { class: "sums-before" },
                h("th", { scope: "row" }, t("mismatch.before")),
                h("td", {}, h("s", {}, won(before))),
              ),
              h(
                "tr",
                { class: "sums-total" },
                h("th", { scope: "row" }, t("mismatch.after")),
                h("td", {}, won(quote.amount)),
              ),
            ),
          ),
        ),
        h(
          "div",
          { class: "sheet-foot" },
          h(
            "button",
            { class: "button button-plain", type: "button", on: { click: () => dialog.close() } },
            t("mismatch.back"),
          ),
          h(
            "button",
            { class: "button button-main", type: "button", on: { click: agree } },
            t("mismatch.agree", { amount: won(quote.amount) }),
          ),
        ),
      ),
    );
    dialog.addEventListener("close", () => resolve(isAgreed));
    show(dialog);
  });
}

export function sumRow(name, amount) {
  return h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, amount));
}

function sheet(label, content) {
  const dialog = h("dialog", { class: "sheet", "aria-label": label });
  const close = h(
    "button",
    {
      class: "sheet-close",
      type: "button",
      "aria-label": t("close"),
      on: { click: () => dialog.close() },
    },
    picture("cross", "icon"),
  );
  replace(dialog, content, close);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => dialog.remove());
  return dialog;
}

function show(dialog) {
  document.body.append(dialog);
  dialog.showModal();
}
