// Keeps what is marked with data-live up to date, without touching what somebody has selected, opened or focused. Everything else
// works without this file.

const EVERY_MS = 5000;
const toggle = document.querySelector("[data-live-toggle]");
let isPaused = false;
let timer = 0;
// What was received of a region: what somebody did to it since does not count.
const received = new WeakMap();
for (const region of document.querySelectorAll("[data-live]")) received.set(region, region.innerHTML);

function isBusy(region) {
  const active = document.activeElement;
  return region.contains(active) && active.matches("input:not([type=checkbox]), select, textarea");
}

function isTyped(field) {
  if (field.matches("select")) return [...field.options].some((it) => it.selected !== it.defaultSelected);
  return field.value !== field.defaultValue;
}

// How what has the focus is found again.
function nameOf(element) {
  if (element.id) return `#${CSS.escape(element.id)}`;
  const address = element.getAttribute("href");
  return address ? `a[href="${CSS.escape(address)}"]` : "";
}

// Puts the new region in place and gives checked boxes, opened details and the focus back.
function replace(old, fresh) {
  const checked = new Set([...old.querySelectorAll("input[type=checkbox]:checked")].map((it) => it.value));
  const opened = new Set([...old.querySelectorAll("details[open][id]")].map((it) => it.id));
  const fields = [...old.querySelectorAll("input[id]:not([type=checkbox]), select[id], textarea[id]")];
  const typed = fields.filter(isTyped).map((it) => [it.id, it.value]);
  const focused = old.contains(document.activeElement) ? nameOf(document.activeElement) : "";
  received.set(fresh, fresh.innerHTML);
  for (const box of fresh.querySelectorAll("input[type=checkbox]")) box.checked = checked.has(box.value);
  for (const [id, value] of typed) {
    const field = fresh.querySelector(`#${CSS.escape(id)}`);
    if (field) field.value = value;
  }
  for (const part of fresh.querySelectorAll("details[id]")) part.open = opened.has(part.id);
  const { scrollLeft, scrollTop } = old;
  old.replaceWith(fresh);
  tell();
  Object.assign(fresh, { scrollLeft, scrollTop });
  if (focused) fresh.querySelector(focused)?.focus({ preventScroll: true });
}

function sayStale(isStale) {
  for (const note of document.querySelectorAll("[data-stale]")) note.hidden = !isStale;
}

async function refresh() {
  const regions = [...document.querySelectorAll("[data-live]")];
  if (regions.length === 0 || isPaused || document.hidden) return;
  try {
    // The header says that no person asks: a page that is left open keeps no session alive.
    const headers = { accept: "text/html", "x-live": "1" };
    const answer = await fetch(location.href, { headers, redirect: "manual" });
    sayStale(!answer.ok);
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const region of regions) {
      const fresh = page.getElementById(region.id);
      if (!fresh || isBusy(region) || fresh.innerHTML === received.get(region)) continue;
      replace(region, document.adoptNode(fresh));
    }
  } catch {
    // The server is away: the next time tells.
    sayStale(true);
  }
}

function schedule() {
  clearTimeout(timer);
  timer = setTimeout(async () => {
    await refresh();
    schedule();
  }, EVERY_MS);
}

if (toggle) {
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    isPaused = !isPaused;
    toggle.setAttribute("aria-pressed", String(isPaused));
    toggle.textContent = isPaused ? toggle.dataset.resume : toggle.dataset.pause;
    if (!isPaused) refresh();
  });
}
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh();
});

// One box that selects every row of the page, and how many are selected.
const everyRow = () => [...document.querySelectorAll("input[name=id][form=selection]")];
function tell() {
  const count = everyRow().filter((box) => box.checked).length;
  for (const place of document.querySelectorAll("[data-selected]")) place.textContent = count ? `(${count})` : "";
  for (const box of document.querySelectorAll("[data-select-all]")) {
    box.hidden = false;
    box.checked = count > 0 && count === everyRow().length;
  }
}
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-select-all]")) {
    for (const box of everyRow()) box.checked = event.target.checked;
  }
  tell();
});
tell();
// What was done is said once, not again when the page is opened once more.
const address = new URL(location.href);
if (address.searchParams.has("done")) {
  address.searchParams.delete("done");
  history.replaceState(null, "", address);
}
schedule();
