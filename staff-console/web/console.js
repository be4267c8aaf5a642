// Keeps what is marked with data-live up to date, without touching what somebody has selected, opened or focused. Everything else
// works without this file.

const EVERY_MS = 5000;
const toggle = document.querySelector("[data-live-toggle]");
let isPaused = false;
let timer = 0;

function isBusy(region) {
  const active = document.activeElement;
  return region.contains(active) && active.matches("input:not([type=checkbox]), select, textarea");
}

// Puts the new region in place and gives checked boxes, opened details and the focus back.
function replace(old, fresh) {
  const checked = new Set([...old.querySelectorAll("input[type=checkbox]:checked")].map((it) => it.value));
  const opened = new Set([...old.querySelectorAll("details[open][id]")].map((it) => it.id));
  const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
  for (const box of fresh.querySelectorAll("input[type=checkbox]")) box.checked = checked.has(box.value);
  for (const part of fresh.querySelectorAll("details[id]")) part.open = opened.has(part.id);
  const { scrollLeft, scrollTop } = old;
  old.replaceWith(fresh);
  Object.assign(fresh, { scrollLeft, scrollTop });
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

async function refresh() {
  const regions = [...document.querySelectorAll("[data-live]")];
  if (regions.length === 0 || isPaused || document.hidden) return;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "manual" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const region of regions) {
      const fresh = page.getElementById(region.id);
      if (!fresh || isBusy(region) || fresh.innerHTML === region.innerHTML) continue;
      replace(region, document.adoptNode(fresh));
    }
  } catch {
    // The server is away: the next time tells.
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
// One box that selects every row of the page.
document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-select-all]")) return;
  const boxes = event.target.closest("table, form").querySelectorAll("input[name=job]");
  for (const box of boxes) box.checked = event.target.checked;
});
schedule();
