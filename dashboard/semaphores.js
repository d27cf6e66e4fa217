// Semaphores: who holds a permit and for how long; busy is no leak.

import { h } from "./dom.js";
import { count, duration, many, NBSP } from "./format.js";
import { stateClass, stateIcon } from "./icons.js";

export const uses = ["semaphores"];

const SHOWN_HOLDERS = 3;

export function view({ semaphores }) {
  return [
    h(
      "header",
      { class: "panel-head" },
      h("h2", null, "Semaphores"),
      h("span", { class: "end quiet" }, semaphores.length ? many(semaphores.length, "semaphore") : "none yet"),
    ),
    semaphores.length === 0
      ? h("p", { class: "nothing" }, "No source tracks a semaphore.")
      : h(
          "ul",
          { class: "entries bounded", tabindex: "0", "aria-label": "Semaphores" },
          semaphores.map((semaphore) =>
            h(
              "li",
              { key: `${semaphore.source} ${semaphore.name}`, "data-state": semaphore.state },
              stateIcon(semaphore.state),
              h("b", null, semaphore.name),
              h(
                "span",
                { class: "end" },
                h("span", { class: stateClass(semaphore.state) }, semaphore.state),
                semaphore.in_use !== null && ` ${count(semaphore.in_use)}${NBSP}of${NBSP}${count(semaphore.permits)}`,
              ),
              h("p", null, words(semaphore)),
            ),
          ),
        ),
  ];
}

function words({ source, waiting, longest_held_ns, holders, over_releases, state }) {
  if (state === "unknown") return `${source} does not say; its last word is too old.`;
  const listed = holders.slice(0, SHOWN_HOLDERS).join(", ");
  const more = holders.length > SHOWN_HOLDERS ? ` and ${holders.length - SHOWN_HOLDERS} more` : "";
  return [
    source,
    holders.length ? `held by ${listed}${more}` : "nobody holds it",
    longest_held_ns ? `longest ${duration(longest_held_ns)}` : null,
    waiting ? `${count(waiting)} waiting` : null,
    over_releases ? `released ${many(over_releases, "time")} too often` : null,
  ]
    .filter(Boolean)
    .join("; ");
}
