// The frame of every page: which page the address names, header, banner, footer, the language
// switch, and going from page to page without loading the document again.

import { checkoutConfig } from "./api.js";
import { h, picture, replace } from "./dom.js";
import * as checkout from "./pages/checkout.js";
import * as menu from "./pages/menu.js";
import * as missing from "./pages/missing.js";
import * as order from "./pages/order.js";
import * as orders from "./pages/orders.js";
import * as stores from "./pages/stores.js";
import { language, setLanguage, t } from "./words.js";

const ROUTES = [
  [/^\/$/, stores],
  [/^\/shop\/stores\/([^/]+)$/, menu],
  [/^\/shop\/stores\/([^/]+)\/checkout$/, checkout],
  [/^\/shop\/return$/, { title: order.title, draw: order.drawReturn }],
  [/^\/shop\/orders$/, orders],
  [/^\/shop\/orders\/([^/]+)$/, order],
];

const main = document.getElementById("main");
const banner = document.getElementById("banner");
let mode = null;
const spoken = h("p", { class: "unseen", role: "status" });
const toast = h("div", { class: "toast", "aria-hidden": "true" });
let visit = new AbortController();
let toastTimer = 0;
let shownPath = null;

function findPage(path) {
  for (const [pattern, page] of ROUTES) {
    const match = pattern.exec(path);
    if (!match) continue;
    try {
      return { page, params: match.slice(1).map(decodeURIComponent) };
    } catch {
      break; // Not an encoded text: names nothing.
    }
  }
  return { page: missing, params: [] };
}

async function show({ isFirst = false } = {}) {
  visit.abort();
  visit = new AbortController();
  shownPath = location.pathname;
  const { signal } = visit;
  const { page, params } = findPage(location.pathname);
  document.title = t("page.title", { page: page.title() });
  drawFrame();
  if (mode === null) askMode();
  if (!isFirst) main.focus({ preventScroll: true });
  main.classList.remove("is-entering");
  requestAnimationFrame(() => main.classList.add("is-entering"));
  const notice = history.state?.notice ?? null;
  try {
    await page.draw({ main, params, signal, navigate, announce, failure, notice });
  } catch (error) {
    if (signal.aborted) return;
    replace(
      main,
      failure(error, () => show()),
    );
    throw error;
  }
}

/** Goes to a page of the shop. */
function navigate(path, { replace: isReplacing = false, notice = null } = {}) {
  if (isReplacing) history.replaceState({ notice }, "", path);
  else history.pushState({ notice }, "", path);
  window.scrollTo(0, 0);
  // What it says is about the page that is left.
  toast.classList.remove("is-shown");
  show();
}

/** Says something short, aloud and in a bubble. */
function announce(text) {
  replace(spoken, text);
  replace(toast, text);
  toast.classList.add("is-shown");
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => toast.classList.remove("is-shown"), 2200);
}

/** What stands where something could not be loaded, with a way to try again. */
function failure(problem, retry, text = null) {
  return h(
    "div",
    { class: "nothing", role: "alert" },
    picture("plate", "nothing-art"),
    h("p", { class: "nothing-text" }, text ?? problem.message),
    h(
      "div",
      { class: "actions" },
      h(
        "button",
        { class: "button button-main", type: "button", on: { click: () => retry() } },
        t("retry"),
      ),
      location.pathname === "/"
        ? null
        : h("a", { class: "button button-plain", href: "/" }, t("missing.home")),
    ),
  );
}

function drawFrame() {
  document.getElementById("skip").textContent = t("skip");
  const other = language() === "ko" ? "en" : "ko";
  const isHere = (path) => (location.pathname === path ? "page" : null);
  replace(
    document.getElementById("top"),
    h(
      "div",
      { class: "top-inner" },
      h(
        "a",
        { class: "brand", href: "/", "aria-label": t("brand.home") },
        picture("seal", "brand-seal"),
        h("span", { class: "brand-name" }, t("brand")),
      ),
      h(
        "nav",
        { class: "top-nav", "aria-label": t("nav") },
        h(
          "a",
          { class: "top-link", href: "/shop/orders", "aria-current": isHere("/shop/orders") },
          t("orders.title"),
        ),
        h(
          "button",
          {
            class: "top-link top-language",
            type: "button",
            lang: other,
            "data-key": "language",
            on: { click: () => switchLanguage(other) },
          },
          other === "en" ? "English" : "한국어",
        ),
      ),
    ),
  );
  replace(
    document.getElementById("foot"),
    h(
      "div",
      { class: "foot-inner" },
      h("p", {}, t("foot")),
      h(
        "p",
        { class: "foot-links" },
        h("a", { href: "/docs" }, t("foot.docs")),
        h("a", { href: "/openapi.json" }, "OpenAPI"),
      ),
    ),
  );
  banner.setAttribute("aria-label", t("banner.name"));
  replace(banner, bannerText());
}

function switchLanguage(next) {
  setLanguage(next);
  show();
}

async function askMode() {
  try {
    mode = (await checkoutConfig()).mode;
    replace(banner, bannerText());
  } catch {
    // Asked again on the next page; a page that needs the answer says what is wrong.
  }
}

function bannerText() {
  const words = { simulator: "banner.simulator", test: "banner.test" };
  banner.hidden = mode === "live";
  return words[mode] ? t(words[mode]) : "\u00a0";
}

document.addEventListener("click", (event) => {
  const anchor = event.target.closest?.("a[href]");
  const isPlain =
    event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (
    !anchor ||
    !isPlain ||
    anchor.target ||
    event.defaultPrevented ||
    anchor.origin !== location.origin
  )
    return;
  if (findPage(anchor.pathname).page === missing || anchor.hash) return;
  event.preventDefault();
  navigate(anchor.pathname);
});
window.addEventListener("popstate", () => {
  // Going to a place within the page fires this too.
  if (location.pathname !== shownPath) show();
});
window.addEventListener("unhandledrejection", (event) => {
  // A page that was left stops its requests; that is not an error.
  if (event.reason?.name === "AbortError") event.preventDefault();
});

document.body.append(spoken, toast);
show({ isFirst: true });
