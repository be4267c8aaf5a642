// What this browser remembers: the language, carts, its own orders with their access tokens
// (localStorage), and tickets and payment windows of this tab (sessionStorage).
//
// Storage may be full or forbidden; then everything is remembered until the page is left.

const PREFIX = "seungin.";
const ORDERS_MAX = 50;
const unstored = new Map();

/** Reads a value that `remember` wrote, or `null`. */
export function recall(name, area = "local") {
  if (unstored.has(name)) return unstored.get(name);
  try {
    return JSON.parse(storage(area).getItem(PREFIX + name));
  } catch {
    return null;
  }
}

/** Writes a value; `null` removes it. */
export function remember(name, value, area = "local") {
  try {
    if (value === null) storage(area).removeItem(PREFIX + name);
    else storage(area).setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    unstored.set(name, value);
  }
}

function storage(area) {
  return area === "local" ? localStorage : sessionStorage;
}

/** The orders made in this browser, newest first. */
export function ownOrders() {
  const orders = recall("orders");
  return Array.isArray(orders) ? orders : [];
}

/** Adds an order that was just made: `{orderId, accessToken, storeName, orderName, amount, createdAt}`. */
export function keepOrder(order) {
  const others = ownOrders().filter((other) => other.orderId !== order.orderId);
  remember("orders", [order, ...others].slice(0, ORDERS_MAX));
}

/** Forgets an order of this browser. */
export function dropOrder(orderId) {
  remember(
    "orders",
    ownOrders().filter((order) => order.orderId !== orderId),
  );
}

/** The access token of an own order, or `null`. */
export function accessToken(orderId) {
  return ownOrders().find((order) => order.orderId === orderId)?.accessToken ?? null;
}

/** The newest ticket that this tab has for an order, or `null`. */
export function ticketOf(orderId) {
  return recall(`ticket.${orderId}`, "session");
}

/** Keeps a ticket for reloads of this tab. */
export function keepTicket(orderId, ticket) {
  remember(`ticket.${orderId}`, ticket, "session");
}

/** What the payment window of an order needs, or `null`. It names the customer: this tab only. */
export function windowOf(orderId) {
  return recall(`window.${orderId}`, "session");
}

/** Keeps the parameters of a payment window, so that it can be opened again. */
export function keepWindow(orderId, parameters) {
  remember(`window.${orderId}`, parameters, "session");
}
