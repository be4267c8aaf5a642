// Building the page. Text always becomes a text node: nothing here parses HTML, so data cannot
// become markup.

const SVG = "http://www.w3.org/2000/svg";
const PICTURES = new URL("../art.svg", import.meta.url).pathname;

/**
 * Makes an element. `props` are attributes, except: `on` (listeners by event name), `vars` (custom
 * properties) and `prop` (properties of the object, for what has no attribute). `null` and `false`
 * leave an attribute out.
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value))
        element.addEventListener(event, listener);
    } else if (name === "vars") {
      for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    } else if (name === "prop") {
      Object.assign(element, value);
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/** A picture of the sheet `art.svg`. Decorative, hence hidden from assistive technology. */
export function picture(name, className) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${PICTURES}#${name}`);
  svg.append(use);
  return svg;
}

/**
 * Replaces the children of an element and gives the focus back to the control with the same
 * `data-key`, so that somebody who presses "+" five times does not lose the button.
 */
export function replace(element, ...children) {
  const active = document.activeElement;
  const key = element.contains(active) ? active.dataset.key : undefined;
  element.replaceChildren();
  append(element, children);
  if (key !== undefined) {
    const again = element.querySelector(`[data-key="${CSS.escape(key)}"]`);
    again?.focus({ preventScroll: true });
  }
}

/** A grey shape that stands where text will be; `width` in characters. */
export function bone(width, className = "") {
  return h("span", {
    class: `bone ${className}`,
    vars: { "--w": `${width}ch` },
    "aria-hidden": "true",
  });
}
