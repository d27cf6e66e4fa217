// Calls per request: one call that became fifty, seen.

import { h } from "./dom.js";
import { count, sentence } from "./format.js";
import { icon } from "./icons.js";

export const uses = ["requests"];

const MANY_TIMES = 3; // this many times the usual number is worth a look
const AT_LEAST = 10;

const unusual = ({ calls, usual }) => usual !== null && calls >= AT_LEAST && calls >= usual * MANY_TIMES;

export function view({ requests }, dispatch) {
  return [
    h(
      "header",
      { class: "panel-head" },
      h("h2", null, "Calls per request"),
      h("span", { class: "end quiet" }, "most in one"),
    ),
    requests.length === 0
      ? h("p", { class: "nothing" }, "No request with a correlation id has made calls lately.")
      : h(
          "ul",
          { class: "entries" },
          requests.map((request) =>
            h(
              "li",
              { key: request.name },
              unusual(request) ? icon("triangle", "warn") : icon("tick", "ok"),
              h("b", null, request.name),
              h("span", { class: "end" }, h("b", null, count(request.calls)), " at most"),
              h(
                "p",
                null,
                h("span", { class: "unseen" }, unusual(request) ? "Unusually many. " : ""),
                sentence(request.sentence),
                " ",
                request.trace_id &&
                  h(
                    "button",
                    {
                      type: "button",
                      class: "link",
                      onclick: () => dispatch({ type: "filter", filter: { text: request.trace_id } }),
                    },
                    "Show it",
                  ),
              ),
            ),
          ),
        ),
  ];
}
