// The language of the page. The words themselves are in words.ko.js and words.en.js.

import en from "./words.en.js";
import ko from "./words.ko.js";
import { recall, remember } from "./memory.js";

const DICTIONARIES = { ko, en };

function chooseLanguage() {
  const asked = new URLSearchParams(location.search).get("lang");
  const candidates = [asked, recall("language"), ...(navigator.languages ?? [navigator.language])];
  for (const candidate of candidates) {
    const primary = String(candidate ?? "")
      .toLowerCase()
      .split("-")[0];
    if (Object.hasOwn(DICTIONARIES, primary)) return primary;
  }
  return "ko";
}

let current = chooseLanguage();
document.documentElement.lang = current;

/** `ko` or `en`. */
export function language() {
  return current;
}

/** Switches and remembers; the caller draws the page again. */
export function setLanguage(next) {
  current = next;
  document.documentElement.lang = next;
  remember("language", next);
}

/** The text for `key`, with `{name}` replaced from `values`. */
export function t(key, values = {}) {
  const text = DICTIONARIES[current][key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) =>
    name in values ? String(values[name]) : whole,
  );
}
