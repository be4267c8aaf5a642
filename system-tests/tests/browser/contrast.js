// Measures a page: how light its ground is, and which of its text is hard to read.
// Returns {ground: luminance from 0 to 1, faint: [what is below the contrast that WCAG 2.2 asks for in 1.4.3]}.
// Text over pictures and gradients is not measured; text that is disabled or hidden from readers is exempt.

const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

function rgba(color) {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = color;
  canvas.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
  return [r, g, b, a / 255];
}

function over([r, g, b, a], below) {
  return [r, g, b].map((channel, at) => channel * a + below[at] * (1 - a));
}

function luminance(color) {
  const [r, g, b] = color.map((channel) => {
    const part = channel / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one, other) {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

// The colour behind an element, or null if something else than a colour lies there.
function ground(element) {
  const layers = [];
  for (let it = element; it; it = it.parentElement) {
    const style = getComputedStyle(it);
    if (style.backgroundImage !== "none") return null;
    layers.push(rgba(style.backgroundColor));
    if (layers.at(-1)[3] === 1) break;
  }
  const sheet = matchMedia("(prefers-color-scheme: dark)").matches ? [0, 0, 0] : [255, 255, 255];
  return layers.reduceRight((below, layer) => over(layer, below), sheet);
}

function opacity(element) {
  let all = 1;
  for (let it = element; it; it = it.parentElement) all *= Number(getComputedStyle(it).opacity);
  return all;
}

function isExempt(element) {
  return element.closest("[aria-hidden=true], :disabled, [aria-disabled=true], option, script, style, noscript");
}

const faint = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  const text = walker.currentNode.data.trim();
  const isSeen = text !== "" && element.checkVisibility({ visibilityProperty: true }) && !isExempt(element);
  const below = isSeen ? ground(element) : null;
  if (!below) continue;
  const style = getComputedStyle(element);
  const [r, g, b, a] = rgba(style.color);
  const ratio = contrast(over([r, g, b, a * opacity(element)], below), below);
  const size = parseFloat(style.fontSize);
  const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  if (ratio < (isLarge ? 3 : 4.5)) faint.push(`${ratio.toFixed(2)}: ${text.slice(0, 40)}`);
}
return { ground: luminance(ground(document.body) ?? [0, 0, 0]), faint };
