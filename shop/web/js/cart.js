// One cart per store, kept in this browser: what and how many. Prices are never kept; they are
// asked for with every quote.

import { recall, remember } from "./memory.js";

const QUANTITY_MAX = 99;
const changes = new EventTarget();

/** The items of a store's cart: `[{productId, quantity, options: [optionId]}]`. */
export function cartItems(storeId) {
  const items = recall(`cart.${storeId}`);
  return Array.isArray(items) ? items : [];
}

/** How many pieces are in a cart. */
export function cartCount(storeId) {
  return cartItems(storeId).reduce((sum, item) => sum + item.quantity, 0);
}

/** Adds to the line with the same product and options, or makes a new one. */
export function addToCart(storeId, item) {
  const items = cartItems(storeId);
  const same = items.find((other) => lineKey(other) === lineKey(item));
  if (same) same.quantity = Math.min(QUANTITY_MAX, same.quantity + item.quantity);
  else items.push(item);
  write(storeId, items);
}

/** Sets the quantity of a line; 0 removes it. */
export function setQuantity(storeId, key, quantity) {
  const items = cartItems(storeId)
    .map((item) => (lineKey(item) === key ? { ...item, quantity } : item))
    .filter((item) => item.quantity > 0);
  write(
    storeId,
    items.map((item) => ({ ...item, quantity: Math.min(QUANTITY_MAX, item.quantity) })),
  );
}

/** Replaces a cart, for "order again". */
export function fillCart(storeId, items) {
  write(storeId, items);
}

/** Empties a cart. */
export function clearCart(storeId) {
  write(storeId, []);
}

/** What makes two lines the same. */
export function lineKey(item) {
  return [item.productId, ...[...item.options].sort()].join("+");
}

/** Calls `listener` when a cart changes, here or in another tab. */
export function onCartChange(listener, signal) {
  changes.addEventListener("change", listener, { signal });
  window.addEventListener(
    "storage",
    (event) => {
      if (event.key?.startsWith("seungin.cart.")) listener();
    },
    { signal },
  );
}

function write(storeId, items) {
  remember(`cart.${storeId}`, items.length > 0 ? items : null);
  changes.dispatchEvent(new Event("change"));
}
