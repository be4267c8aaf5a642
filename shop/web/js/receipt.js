// The parts of an order's page that only show: the slip with its seal, the account to deposit to,
// and why a payment failed.

import { h } from "./dom.js";
import { bankName, clock, methodName, won } from "./format.js";
import { t } from "./words.js";

/** Why the payment failed, unless the headline says it already. */
export function failureNote(view) {
  const failure = view.payment?.failure;
  if (!failure || failure.message === view.statusText) return null;
  return h(
    "div",
    { class: "note note-bad" },
    h("p", {}, failure.message),
    failure.nextStep && failure.nextStep !== view.nextStep ? h("p", {}, failure.nextStep) : null,
  );
}

/** Where to deposit, while the deposit is awaited. */
export function accountCard(view, announce) {
  const account = view.payment?.virtualAccount;
  if (!account || view.status !== "waiting_for_deposit") return null;
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(account.accountNumber);
      announce(t("account.copied"));
    } catch {
      announce(t("account.notCopied"));
    }
  };
  const row = (label, value) => h("div", {}, h("dt", {}, label), h("dd", {}, value));
  return h(
    "section",
    { class: "card account" },
    h("h2", { class: "card-title" }, t("account.title")),
    h(
      "p",
      { class: "account-number" },
      h("span", {}, `${bankName(account.bankCode)} ${account.accountNumber}`),
      h(
        "button",
        {
          class: "button button-plain button-small",
          type: "button",
          "data-key": "copy",
          on: { click: copy },
        },
        t("account.copy"),
      ),
    ),
    h(
      "dl",
      { class: "facts" },
      row(t("account.amount"), won(view.amount)),
      account.customerName ? row(t("account.holder"), account.customerName) : null,
      account.dueDate ? row(t("account.due"), clock(account.dueDate)) : null,
    ),
  );
}

/** The slip of an order; `isStamped` lets the seal come down now. */
export function orderSlip(view, isStamped) {
  const row = (label, value, className) =>
    h("div", { class: className }, h("dt", {}, label), h("dd", {}, value));
  const refunded = view.cancelledAmount ?? 0;
  return h(
    "section",
    { class: "slip slip-order", "aria-labelledby": "slip-title" },
    h(
      "header",
      { class: "slip-head" },
      h("h2", { class: "slip-title", id: "slip-title" }, t("slip.title")),
      h("p", { class: "slip-store" }, view.storeName),
    ),
    h(
      "ul",
      { class: "slip-lines" },
      view.lines.map((line) =>
        h(
          "li",
          { class: "slip-line" },
          h(
            "div",
            { class: "slip-what" },
            h(
              "p",
              { class: "slip-name" },
              line.name,
              h("span", { class: "slip-times" }, ` × ${line.quantity}`),
            ),
            line.options.length > 0
              ? h(
                  "p",
                  { class: "slip-options" },
                  line.options.map((option) => option.name).join(", "),
                )
              : null,
          ),
          h("p", { class: "slip-amount" }, won(line.amount)),
        ),
      ),
    ),
    h(
      "dl",
      { class: "slip-sums" },
      row(t("slip.items"), won(view.itemsAmount)),
      row(t("slip.delivery"), won(view.deliveryFee)),
      row(t("slip.total"), won(view.amount), "slip-total"),
      refunded > 0 ? row(t("slip.refunded"), `−${won(refunded)}`, "slip-refund") : null,
      refunded > 0 ? row(t("slip.balance"), won(view.balance)) : null,
    ),
    h(
      "dl",
      { class: "slip-facts" },
      row(t("order.number"), view.orderId),
      row(t("order.made"), clock(view.createdAt)),
      view.payment?.method ? row(t("order.method"), methodName(view.payment.method)) : null,
      view.status === "awaiting_payment" && view.payBy
        ? row(t("order.payBy"), clock(view.payBy))
        : null,
      view.personalDataErasedAt
        ? row(t("order.erased"), clock(view.personalDataErasedAt))
        : null,
    ),
    seal(view, isStamped),
  );
}

const SEALS = {
  paid: "seal.paid",
  partially_cancelled: "seal.paid",
  refunding: "seal.paid",
  cancelled: "seal.cancelled",
};

/** Whether going from one status to the other puts a new seal on the slip. */
export function isSealedAnew(before, after) {
  return SEALS[before] !== SEALS[after];
}

function seal(view, isStamped) {
  const key = SEALS[view.status];
  if (!key) return null;
  const names = [
    "seal",
    view.status === "cancelled" ? "seal-grey" : "",
    isStamped ? "is-stamped" : "",
  ];
  return h("div", { class: names.join(" "), "aria-hidden": "true" }, t(key));
}
