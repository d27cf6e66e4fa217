// What the keys do.

import { h } from "./dom.js";
import { KEYS } from "./keyboard.js";

export const uses = ["help"];

export const view = (state, dispatch) => [
  h(
    "header",
    { class: "panel-head" },
    h("h2", { id: "help-title" }, "Keys"),
    h(
      "span",
      { class: "end" },
      h(
        "button",
        { type: "button", class: "control", onclick: () => dispatch({ type: "help", help: false }) },
        "Close",
      ),
    ),
  ),
  h(
    "dl",
    { class: "keys" },
    KEYS.map(([key, words]) => h("div", { key }, h("dt", null, h("kbd", null, key)), h("dd", null, words))),
  ),
];
