// Why nothing is in the list: four different reasons, four different things to do.

import { h } from "./dom.js";
import { count, many, sentence } from "./format.js";
import { isFiltering } from "./filters.js";
import { icon } from "./icons.js";
import { droppedOf } from "./store.js";

export const FIRST_LINE = 'import monitoring; monitoring.start("api")';

// What stands in place of the rows, or null where there are some, or they are still on their way.
export function empty(state, dispatch) {
  const { rows, link } = state;
  if (rows.error && rows.length === 0)
    return said("octagon", "bad", "The history does not answer", sentence(rows.error));
  if (rows.length > 0 || !rows.loaded) return null;
  if (rows.all > 0 && isFiltering(state.filter)) return filtered(state, dispatch);
  if (rows.all > 0)
    return said(
      "clock",
      "unknown",
      "Nothing in this stretch of time",
      `${many(rows.all, "event")} ${rows.all === 1 ? "is" : "are"} kept from before.`,
    );
  if (link.phase !== "connected") return noConnection(state, dispatch);
  const dropped = droppedOf(state);
  return dropped > 0 ? lost(dropped) : noData();
}

export function noConnection({ link }, dispatch) {
  return said(
    "octagon",
    "bad",
    "No connection",
    `${sentence(link.reason) || "The daemon does not answer."} This page tries again by itself.`,
    h("button", { type: "button", class: "control", onclick: () => dispatch.reconnect() }, "Try now"),
  );
}

const filtered = ({ rows }, dispatch) =>
  said(
    "search",
    "unknown",
    "Filtered out",
    `None of ${many(rows.all, "event")} passes the filter.`,
    h("button", { type: "button", class: "control", onclick: () => dispatch({ type: "clear" }) }, "Clear filters"),
  );

const noData = () =>
  said(
    "clock",
    "unknown",
    "No data yet",
    "The daemon runs and no application has sent anything. This line sends some:",
    h("code", { class: "command" }, FIRST_LINE),
  );

const lost = (dropped) =>
  said(
    "triangle",
    "warn",
    `${many(dropped, "event")} dropped`,
    `Applications recorded ${count(dropped)} and none reached the history. Sources says which and how many.`,
    h("a", { class: "control", href: "#sources" }, "See sources"),
  );

const said = (shape, tone, title, words, ...more) =>
  h("div", { class: "empty", role: "status" }, icon(shape, tone), h("b", null, title), h("p", null, words), more);
