// An order's history as a short vertical list, made from what the API says about it now.

import { h, picture } from "./dom.js";
import { exactClock, methodName, won } from "./format.js";
import { t } from "./words.js";

// How each status is drawn. A status that is not here (a later API) is drawn as "neutral".
const MOODS = {
  awaiting_payment: "wait",
  confirming: "busy",
  checking: "busy",
  waiting_for_deposit: "wait",
  paid: "good",
  failed: "bad",
  expired: "bad",
  closed: "neutral",
  refunding: "busy",
  partially_cancelled: "good",
  cancelled: "neutral",
};

const LABELS = {
  awaiting_payment: "status.awaiting_payment",
  confirming: "status.confirming",
  checking: "status.checking",
  waiting_for_deposit: "status.waiting_for_deposit",
  paid: "status.paid",
  failed: "status.failed",
  expired: "status.expired",
  closed: "status.closed",
  refunding: "status.refunding",
  partially_cancelled: "status.partially_cancelled",
  cancelled: "status.cancelled",
};

/** `good`, `bad`, `busy`, `wait` or `neutral`. */
export function moodOf(status) {
  return MOODS[status] ?? "neutral";
}

/** Two or three words for a status; the API's own for one that we do not know. */
export function statusLabel(view) {
  const key = LABELS[view.status];
  return key ? t(key) : view.statusText;
}

/** The small coloured label of a status. */
export function statusChip(view) {
  return h("span", { class: `chip chip-${moodOf(view.status)}` }, statusLabel(view));
}

/** The list of what has happened and what is happening. */
export function timeline(view) {
  const entries = [
    { mood: "good", text: t("line.ordered"), at: view.createdAt },
    ...paymentEntries(view),
  ];
  for (const cancel of view.cancels ?? []) entries.push(cancelEntry(cancel));
  return h(
    "ol",
    { class: "line" },
    entries.map((entry) =>
      h(
        "li",
        { class: `line-entry line-${entry.mood}` },
        h("span", { class: "line-mark", "aria-hidden": "true" }, mark(entry.mood)),
        h(
          "div",
          { class: "line-body" },
          h("p", { class: "line-text" }, entry.text),
          entry.more ? h("p", { class: "line-more" }, entry.more) : null,
        ),
        entry.at
          ? h("time", { class: "line-time", datetime: entry.at }, exactClock(entry.at))
          : null,
      ),
    ),
  );
}

function paymentEntries(view) {
  const { payment, status } = view;
  if (!payment) {
    if (status === "awaiting_payment") return [{ mood: "wait", text: t("line.awaiting") }];
    return [{ mood: moodOf(status), text: statusLabel(view) }];
  }
  const requested = { mood: "good", text: t("line.authenticated"), at: payment.requestedAt };
  if (payment.approvedAt) {
    return [
      requested,
      {
        mood: "good",
        text: t("line.approved"),
        more: payment.method && methodName(payment.method),
        at: payment.approvedAt,
      },
    ];
  }
  if (payment.failure) {
    return [requested, { mood: "bad", text: statusLabel(view), more: payment.failure.message }];
  }
  if (payment.virtualAccount) {
    return [requested, { mood: moodOf(status), text: t("line.account"), more: statusLabel(view) }];
  }
  return [requested, { mood: moodOf(status), text: statusLabel(view) }];
}

function cancelEntry(cancel) {
  const moods = {
    requested: "busy",
    sending: "busy",
    done: "good",
    refused: "bad",
    unresolved: "busy",
  };
  const text = t("line.refund", { amount: won(cancel.amount) });
  return {
    mood: moods[cancel.status] ?? "neutral",
    text: `${text} · ${cancel.statusText ?? cancel.status}`,
    more: cancel.failure?.message ?? cancel.reason,
    at: cancel.cancelledAt ?? cancel.requestedAt,
  };
}

function mark(mood) {
  if (mood === "good") return picture("check", "icon");
  if (mood === "bad") return picture("cross", "icon");
  if (mood === "neutral") return picture("minus", "icon");
  return null;
}
