// All that one event carries.

import { h } from "./dom.js";
import { count, duration, NBSP, size } from "./format.js";

export function view(event, zone) {
  const facts = [
    ["Ended", `${zone.longDate(event.at_us)}, ${zone.precise(event.at_us)}${NBSP}${zone.label(event.at_us)}`],
    ["Number", count(event.seq)],
    ["Source", event.source],
    event.duration_ns !== undefined && event.duration_ns !== null && ["Took", duration(event.duration_ns)],
    event.size_bytes !== undefined && event.size_bytes !== null && ["Size", size(event.size_bytes)],
    event.error_type && ["Error", event.error_type],
    (event.weight ?? 1) > 1 && ["Stands for", `${count(event.weight)}${NBSP}operations (a sample)`],
    ...Object.entries(event.attributes ?? {}).map(([name, value]) => [name, String(value)]),
  ].filter(Boolean);
  return h(
    "dl",
    { class: "facts" },
    facts.map(([name, value]) => h("div", { key: name }, h("dt", null, name), h("dd", null, value))),
  );
}
