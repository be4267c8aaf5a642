// The page for an address that names nothing.

import { h, picture, replace } from "../dom.js";
import { t } from "../words.js";

export const title = () => t("missing.title");

export async function draw({ main }) {
  replace(
    main,
    h(
      "div",
      { class: "nothing" },
      picture("plate", "nothing-art"),
      h("h1", { class: "page-title" }, t("missing.title")),
      h("p", { class: "quiet" }, t("missing.text")),
      h("a", { class: "button button-main", href: "/" }, t("missing.home")),
    ),
  );
}
