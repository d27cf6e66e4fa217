// The export: what the filter shows, as a download that the daemon streams.

import { exportAddress } from "./api.js";
import { query } from "./filters.js";
import { h } from "./dom.js";
import { count, NBSP } from "./format.js";
import { icon } from "./icons.js";
import { kindsOf } from "./store.js";

export function menu(state) {
  const { rows, filter, from_us, narrow } = state;
  const n = rows.total === null ? "" : `${NBSP}${count(rows.total)}`;
  const words = narrow ? "Export" : `Export${n} ${rows.total === 1 ? "event" : "events"}`;
  const wanted = query(filter, kindsOf(state), from_us);
  const link = (format, name) => h("a", { href: exportAddress(wanted, format), download: `events.${format}` }, name);
  return h(
    "details",
    { class: "menu export" },
    h("summary", { class: "control" }, icon("download"), words, icon("down")),
    h(
      "div",
      { class: "sheet right" },
      narrow && n && h("p", { class: "quiet" }, `${n} events`),
      link("jsonl", "JSON Lines"),
      link("csv", "CSV"),
    ),
  );
}
