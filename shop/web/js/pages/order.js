// One order: what is happening to it now, its slip, and what the customer can do next. Also the
// page that the payment window returns to.

import { call } from "../api.js";
import { clearCart, cartItems, fillCart, lineKey } from "../cart.js";
import { bone, h, picture, replace } from "../dom.js";
import { won } from "../format.js";
import { followOrder } from "../follow.js";
import { accessToken, keepTicket, windowOf } from "../memory.js";
import { openWindow } from "../pay.js";
import { accountCard, failureNote, isSealedAnew, orderSlip } from "../receipt.js";
import { asItem } from "../slip.js";
import { moodOf, statusLabel, timeline } from "../timeline.js";
import { t } from "../words.js";

export const title = () => t("order.title");

// What the payment window says when it sends the customer back without a payment.
const WINDOW_CODES = {
  USER_CANCEL: "notice.cancelled",
  PAY_PROCESS_CANCELED: "notice.cancelled",
  PAY_PROCESS_ABORTED: "notice.aborted",
  REJECT_CARD_COMPANY: "notice.rejected",
};
// What our own redirect says when it could not accept the payment.
const PROBLEM_CODES = {
  confirm_amount_mismatch: "notice.amount",
  confirm_conflict: "notice.notOpen",
  payment_key_taken: "notice.notOpen",
  order_has_payment: "notice.notOpen",
  order_not_open: "notice.notOpen",
  order_closed: "notice.notOpen",
  order_lapsed: "notice.lapsed",
};
const LINK_WORDS = {
  live: "link.live",
  polling: "link.polling",
  waiting: "link.waiting",
  done: "link.done",
};

/**
 * Where the payment window returns to: takes the ticket out of the address bar, so that it is
 * neither copied with the address nor kept in the history, and goes on as the order's page.
 */
export async function drawReturn(context) {
  const query = new URLSearchParams(location.search);
  const ticket = new URLSearchParams(location.hash.slice(1)).get("ticket");
  const orderId = query.get("orderId");
  const notice = { code: query.get("code"), problem: query.get("problem"), text: null };
  if (!orderId) {
    history.replaceState(null, "", "/shop/return");
    replace(
      context.main,
      h(
        "div",
        { class: "nothing" },
        picture("plate", "nothing-art"),
        h("h1", { class: "page-title" }, t("return.title")),
        h("p", { class: "quiet" }, noticeText(notice) ?? t("return.text")),
        h("a", { class: "button button-main", href: "/" }, t("missing.home")),
      ),
    );
    return;
  }
  if (ticket) keepTicket(orderId, ticket);
  const isNotice = notice.code || notice.problem;
  context.navigate(`/shop/orders/${encodeURIComponent(orderId)}`, {
    replace: true,
    notice: isNotice ? notice : null,
  });
}

export async function draw(context) {
  const { main, params, signal, failure } = context;
  const page = new OrderPage(params[0], context);
  replace(main, page.element);
  try {
    await followOrder({
      orderId: page.orderId,
      signal,
      onOrder: (view) => page.take(view),
      onLink: (state) => page.setLink(state),
    });
  } catch (problem) {
    if (signal.aborted) return;
    if (page.view) page.setLink("waiting");
    else
      replace(
        main,
        failure(problem, () => draw(context), problem.status === 401 ? t("order.expired") : null),
      );
  }
}

class OrderPage {
  constructor(orderId, { notice, navigate, announce }) {
    this.orderId = orderId;
    this.notice = notice;
    this.navigate = navigate;
    this.announce = announce;
    this.view = null;
    this.headline = h("h1", { class: "now-title" }, bone(10));
    this.next = h("p", { class: "now-next" }, bone(20));
    // Only these two sentences are announced; the rest of the page would be noise.
    this.live = h(
      "div",
      { "aria-live": "polite", "aria-atomic": "true" },
      this.headline,
      this.next,
    );
    this.eyebrow = h("p", { class: "now-eyebrow" }, bone(6));
    this.now = h("section", { class: "now now-wait" }, this.eyebrow, this.live);
    this.link = h("p", { class: "link" }, t("link.connecting"));
    this.extra = h("div", { class: "now-extra" });
    this.history = h("section", { class: "card card-line" });
    this.slip = h("aside", { class: "columns-side" }, h("div", { class: "slip slip-bone" }));
    this.element = h(
      "div",
      { class: "columns" },
      h("div", { class: "columns-main" }, this.now, this.extra, this.history),
      this.slip,
    );
  }

  take(view) {
    // The seal comes down when the customer sees it happen, not on every later look.
    const isStamped = this.view !== null && isSealedAnew(this.view.status, view.status);
    this.view = view;
    document.title = t("page.title", { page: statusLabel(view) });
    this.now.className = `now now-${moodOf(view.status)}`;
    this.now.dataset.status = view.status;
    replace(this.eyebrow, statusLabel(view), h("span", { class: "now-amount" }, won(view.amount)));
    setText(this.headline, view.statusText);
    setText(this.next, view.nextStep ?? "");
    replace(
      this.extra,
      this.noticeNote(),
      accountCard(view, this.announce),
      failureNote(view),
      this.actions(),
    );
    replace(
      this.history,
      h("h2", { class: "card-title" }, t("order.history")),
      timeline(view),
      this.link,
    );
    replace(this.slip, orderSlip(view, isStamped));
    this.forgetCart();
  }

  setLink(state) {
    this.link.className = `link link-${state}`;
    setText(this.link, t(LINK_WORDS[state]));
  }

  noticeNote() {
    if (!this.notice) return null;
    const isAboutWindow = !this.notice.problem;
    if (isAboutWindow && this.view.status !== "awaiting_payment") return null;
    return h(
      "div",
      { class: "note note-warn", role: "status" },
      h("p", {}, noticeText(this.notice)),
    );
  }

  actions() {
    const { status } = this.view;
    const buttons = [];
    const parameters = windowOf(this.orderId);
    if (status === "awaiting_payment" && parameters) {
      buttons.push(
        actionButton("pay", "button-main", t("order.pay", { amount: won(this.view.amount) }), () =>
          openWindow(parameters),
        ),
      );
    }
    if (status === "awaiting_payment" && accessToken(this.orderId)) {
      buttons.push(actionButton("close", "button-plain", t("order.close"), () => this.close()));
    }
    if (["failed", "expired", "closed", "cancelled"].includes(status)) {
      buttons.push(actionButton("again", "button-main", t("order.again"), () => this.orderAgain()));
    }
    if (this.view.payment?.receiptUrl) {
      buttons.push(
        h(
          "a",
          {
            class: "button button-plain",
            "data-key": "receipt",
            href: safeAddress(this.view.payment.receiptUrl),
            target: "_blank",
            rel: "noopener",
          },
          t("order.receipt"),
        ),
      );
    }
    return buttons.length > 0 ? h("div", { class: "actions" }, buttons) : null;
  }

  async close() {
    const path = `/v1/orders/${encodeURIComponent(this.orderId)}/close`;
    const answer = await call("POST", path, { bearer: accessToken(this.orderId) });
    this.take(answer.body);
  }

  async orderAgain() {
    const { storeId, lines } = this.view;
    fillCart(storeId, lines.map(asItem));
    this.navigate(`/shop/stores/${encodeURIComponent(storeId)}/checkout`);
  }

  /** Once the order is on its way, its cart has done its duty. Another cart is left alone. */
  forgetCart() {
    const { status, storeId, lines } = this.view;
    if (
      ["awaiting_payment", "failed", "expired", "closed"].includes(status) ||
      !accessToken(this.orderId)
    )
      return;
    const key = (items) =>
      items
        .map((item) => `${lineKey(item)}×${item.quantity}`)
        .sort()
        .join("|");
    if (key(cartItems(storeId)) === key(lines.map(asItem))) clearCart(storeId);
  }
}

function noticeText({ code, problem, text }) {
  if (text) return text;
  if (problem)
    return PROBLEM_CODES[problem]
      ? t(PROBLEM_CODES[problem])
      : t("notice.problem", { code: problem });
  if (!code) return null;
  return WINDOW_CODES[code] ? t(WINDOW_CODES[code]) : t("notice.window", { code });
}

/** A button for something that takes a moment and may go wrong; says so below itself. */
function actionButton(key, className, label, act) {
  const note = h("p", { class: "action-note", role: "alert" });
  const button = h(
    "button",
    { class: `button ${className}`, type: "button", "data-key": key },
    label,
  );
  button.addEventListener("click", async () => {
    button.disabled = true;
    replace(note);
    try {
      await act();
    } catch (problem) {
      replace(note, problem.message);
    } finally {
      button.disabled = false;
    }
  });
  return h("div", { class: "action" }, button, note);
}

/** Only web addresses: the API's word becomes a link. */
function safeAddress(text) {
  return /^https?:\/\//i.test(text) ? text : null;
}

/** Sets the text, and only if it is another one: what is said aloud is not said twice. */
function setText(element, text) {
  if (element.textContent !== text || element.firstElementChild) element.textContent = text;
}
