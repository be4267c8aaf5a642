// Who, where and how: the form that turns a cart into an order and opens the payment window.

import { call, fetchMenu, idempotencyKey } from "../api.js";
import { agreeToAmount } from "../dialogs.js";
import { h, replace } from "../dom.js";
import { won } from "../format.js";
import { keepOrder, recall, remember } from "../memory.js";
import { METHODS, openWindow, prepareWindow } from "../pay.js";
import { makeSlip } from "../slip.js";
import { t } from "../words.js";

export const title = () => t("checkout.title");

// Name of the field in the form, where it goes in the request, how a browser may fill it in.
const FIELDS = [
  {
    name: "name",
    demo: "demo.name",
    part: "customer",
    label: "field.name",
    autocomplete: "name",
    max: 100,
    must: true,
  },
  {
    name: "phone",
    demo: "demo.phone",
    part: "customer",
    label: "field.phone",
    autocomplete: "tel",
    type: "tel",
    max: 20,
    must: true,
  },
  {
    name: "email",
    demo: "demo.email",
    part: "customer",
    label: "field.email",
    autocomplete: "email",
    type: "email",
    max: 100,
    wide: true,
  },
  {
    name: "address",
    demo: "demo.address",
    part: "delivery",
    label: "field.address",
    autocomplete: "street-address",
    max: 200,
    must: true,
    wide: true,
  },
  {
    name: "detail",
    demo: "demo.detail",
    part: "delivery",
    label: "field.detail",
    autocomplete: "address-line2",
    max: 100,
    wide: true,
  },
  {
    name: "note",
    demo: "demo.note",
    part: "delivery",
    label: "field.note",
    max: 300,
    wide: true,
    hint: "field.noteHint",
  },
];
const METHOD_WORDS = {
  CARD: "method.card",
  TRANSFER: "method.transfer",
  VIRTUAL_ACCOUNT: "method.account",
};

function makeMethod(method, isChosen) {
  const input = h("input", {
    type: "radio",
    name: "method",
    value: method,
    prop: { checked: isChosen },
  });
  const label = h("label", { class: "method" }, input, h("span", {}, t(METHOD_WORDS[method])));
  return { method, input, label };
}

export async function draw(context) {
  const { main, params, signal, failure } = context;
  const [storeId] = params;
  replace(
    main,
    h(
      "div",
      { class: "columns" },
      h("div", { class: "columns-main" }, h("h1", { class: "page-title" }, t("checkout.title"))),
      h("div", { class: "columns-side" }, h("div", { class: "slip slip-bone" })),
    ),
  );
  let menu;
  try {
    menu = await fetchMenu(storeId, signal);
  } catch (problem) {
    replace(
      main,
      failure(problem, () => draw(context)),
    );
    return;
  }
  const form = new CheckoutForm(menu, context);
  const slip = makeSlip({ store: menu, signal, onChange: (state) => form.take(state) });
  form.ask = slip.ask;
  const back = h(
    "a",
    { class: "back", href: `/shop/stores/${encodeURIComponent(storeId)}` },
    t("checkout.back", { store: menu.name }),
  );
  replace(
    main,
    h(
      "div",
      { class: "columns columns-checkout" },
      h(
        "div",
        { class: "columns-head" },
        back,
        h("h1", { class: "page-title" }, t("checkout.title")),
      ),
      h("div", { class: "columns-main" }, form.element),
      h("aside", { class: "columns-side" }, slip.element),
    ),
  );
  // Somebody who comes back from the payment window with "back" may find the page as it was left.
  window.addEventListener("pageshow", (event) => event.persisted && form.setBusy(false), {
    signal,
  });
  await slip.ask();
}

class CheckoutForm {
  constructor(menu, { navigate, signal }) {
    this.menu = menu;
    this.navigate = navigate;
    this.signal = signal;
    this.state = { quote: null, items: [], isCurrent: false, isBelowMinimum: false };
    this.key = null;
    this.ask = null;
    this.button = h("button", { class: "button button-main button-wide", type: "submit" });
    this.note = h("div", { "aria-live": "assertive" });
    this.methods = METHODS.map((method, index) => makeMethod(method, index === 0));
    const saved = recall("customer", "session") ?? {};
    this.element = h(
      "form",
      { class: "form", novalidate: true, on: { submit: (event) => this.submit(event) } },
      h(
        "section",
        { class: "card" },
        h("h2", { class: "card-title" }, t("checkout.who")),
        h("p", { class: "quiet" }, t("checkout.demo")),
        h(
          "div",
          { class: "fields" },
          FIELDS.map((field) => fieldRow(field, saved)),
        ),
      ),
      h(
        "fieldset",
        { class: "card" },
        h("legend", { class: "card-title" }, t("checkout.how")),
        h(
          "div",
          { class: "methods" },
          this.methods.map(({ label }) => label),
        ),
      ),
      h("div", { class: "form-foot" }, this.note, this.button),
      h("p", { class: "form-small" }, t("checkout.small")),
    );
  }

  take(state) {
    this.state = state;
    this.refresh();
  }

  refresh() {
    const { quote, items, isCurrent, isBelowMinimum } = this.state;
    if (quote) this.offer(quote.methods);
    this.button.disabled =
      this.isBusy || items.length === 0 || !isCurrent || isBelowMinimum || !this.menu.open;
    this.button.classList.toggle("is-busy", Boolean(this.isBusy));
    if (this.isBusy) this.button.textContent = t("checkout.busy");
    else
      this.button.textContent = quote
        ? t("checkout.pay", { amount: won(quote.amount) })
        : t("checkout.payBare");
  }

  /** Shows the methods that take the amount; of one that does not, the choice moves to the first that does. */
  offer(methods) {
    for (const { method, label } of this.methods) label.hidden = !methods.includes(method);
    const offered = this.methods.filter(({ label }) => !label.hidden);
    if (!offered.some(({ input }) => input.checked) && offered.length > 0)
      offered[0].input.checked = true;
  }

  setBusy(isBusy) {
    this.isBusy = isBusy;
    this.refresh();
  }

  async submit(event) {
    event.preventDefault();
    if (this.button.disabled) return;
    const values = this.read();
    if (!values) return;
    replace(this.note);
    this.setBusy(true);
    try {
      const created = await this.order(values, this.state.quote.amount);
      if (created) await this.pay(created, values.method);
    } catch (problem) {
      this.signal.throwIfAborted();
      this.show(problem);
    } finally {
      this.setBusy(false);
    }
  }

  /** Reads the form; marks what is missing and returns `null` then. */
  read() {
    const data = new FormData(this.element);
    const values = { customer: {}, delivery: {}, method: data.get("method") };
    const empty = [];
    for (const field of FIELDS) {
      const text = String(data.get(field.name) ?? "").trim();
      this.mark(field.name, null);
      if (field.must && text === "") empty.push(field.name);
      if (text !== "") values[field.part][field.name] = text;
    }
    for (const name of empty) this.mark(name, t("field.must"));
    if (empty.length > 0) this.element.elements[empty[0]].focus();
    remember(
      "customer",
      Object.fromEntries(FIELDS.map(({ name }) => [name, data.get(name)])),
      "session",
    );
    return empty.length > 0 ? null : values;
  }

  /** Makes the order; asks again when the amount has changed. `null` if the customer declines. */
  async order(values, amount) {
    const body = {
      storeId: this.menu.storeId,
      items: this.state.items,
      amount,
      customer: values.customer,
      delivery: values.delivery,
    };
    // The same order sent twice (a lost answer) carries the same key; another order another.
    const text = JSON.stringify(body);
    if (this.key?.text !== text) this.key = { text, value: idempotencyKey() };
    try {
      const headers = { "Idempotency-Key": this.key.value };
      const answer = await call("POST", "/v1/orders", { body, headers, signal: this.signal });
      this.key = null;
      return answer.body;
    } catch (problem) {
      if (problem.code !== "amount_mismatch" || !problem.body?.quote) throw problem;
      const isAgreed = await agreeToAmount(amount, problem.body.quote);
      this.ask();
      return isAgreed ? this.order(values, problem.body.quote.amount) : null;
    }
  }

  async pay(created, method) {
    keepOrder({
      orderId: created.orderId,
      accessToken: created.accessToken,
      storeId: this.menu.storeId,
      storeName: this.menu.name,
      orderName: created.orderName,
      amount: created.amount,
      createdAt: created.order?.createdAt ?? null,
    });
    remember("customer", null, "session");
    try {
      await openWindow(prepareWindow(created, method));
    } catch (problem) {
      // The order exists; its page says so and lets the customer try again.
      const notice = {
        code: problem.code,
        text: problem.code === "USER_CANCEL" ? null : problem.message,
      };
      this.navigate(`/shop/orders/${encodeURIComponent(created.orderId)}`, { notice });
    }
  }

  show(problem) {
    let isShown = false;
    for (const { pointer, detail } of problem.fields ?? []) {
      const name = String(pointer).split("/").pop();
      if (!FIELDS.some((field) => field.name === name)) continue;
      this.mark(name, detail);
      if (!isShown) this.element.elements[name].focus();
      isShown = true;
    }
    replace(this.note, h("p", { class: "note note-bad" }, problem.message));
  }

  mark(name, text) {
    const input = this.element.elements[name];
    input.toggleAttribute("aria-invalid", text !== null);
    this.element.querySelector(`#field-${name}-problem`).textContent = text ?? "";
  }
}

function fieldRow(field, saved) {
  const { name, label, type = "text", autocomplete = "off", max, must = false, wide, hint } = field;
  const value = saved[name] ?? t(field.demo);
  return h(
    "div",
    { class: wide ? "field field-wide" : "field" },
    h(
      "label",
      { for: `field-${name}` },
      t(label),
      must ? null : h("span", { class: "field-may" }, t("field.may")),
    ),
    h("input", {
      id: `field-${name}`,
      name,
      type,
      autocomplete,
      maxlength: max,
      required: must,
      placeholder: hint ? t(hint) : null,
      "aria-describedby": `field-${name}-problem`,
      prop: { value },
    }),
    h("p", { class: "field-problem", id: `field-${name}-problem` }),
  );
}
