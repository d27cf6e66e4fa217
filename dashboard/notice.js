// What a reader must know before they believe the rest: no connection, or nothing new.

import { empty, noConnection } from "./empty.js";
import { h } from "./dom.js";
import { NBSP } from "./format.js";
import { icon } from "./icons.js";
import { isBlank } from "./store.js";

export const uses = ["link", "hello", "rows_version", "sources", "filter"];

export function view(state, dispatch) {
  const { link, zone } = state;
  if (isBlank(state))
    return link.phase === "connecting" ? [] : h("div", { class: "panel" }, noConnection(state, dispatch));
  const since = `${zone.clock(link.since_us)}${NBSP}${zone.label(link.since_us)}`;
  if (link.phase === "reconnecting") {
    return h(
      "p",
      { class: "banner bad" },
      icon("octagon"),
      h(
        "span",
        null,
        h("b", null, `Not connected since ${since}.`),
        ` What stands below is as it was then. ${link.reason}`,
      ),
      h("button", { type: "button", class: "control", onclick: () => dispatch.reconnect() }, "Try now"),
    );
  }
  if (link.phase === "stale")
    return h(
      "p",
      { class: "banner warn" },
      icon("triangle"),
      h(
        "span",
        null,
        h("b", null, `Nothing has come since ${since}.`),
        " The connection is open and silent: what stands below may be old.",
      ),
    );
  if (hasNothing(state)) return h("div", { class: "panel" }, empty(state, dispatch));
  return [];
}

// Nobody has ever sent anything: the panels that would be empty make room for what to do.
export const hasNothing = ({ rows, filter, stats }) =>
  rows.loaded && rows.all === 0 && !rows.error && (stats?.kinds.length ?? 0) === 0 && filter.text === "";
