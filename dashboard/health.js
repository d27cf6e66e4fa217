// Health: a tile for each component, with the reason, how old the measurement is, and what it means.

import { h } from "./dom.js";
import { ago, duration, NBSP, sentence } from "./format.js";
import { stateClass, stateIcon } from "./icons.js";

export const uses = ["components", "now_us", "narrow"];

const ORDER = ["unhealthy", "degraded", "unknown", "healthy", "disabled"];

export function view({ components, now_us, narrow }) {
  if (components === null) return [];
  const tiles = narrow ? components.toSorted((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status)) : components;
  return [
    h(
      "div",
      { class: "health-head" },
      h("h2", null, "Health"),
      ORDER.map((status) => counted(status, components.filter((component) => component.status === status).length)),
      components.length === 0 && h("span", { class: "unknown" }, "nothing has been measured yet"),
    ),
    h(
      "ul",
      { class: "tiles" },
      tiles.map((component) => tile(component, now_us)),
    ),
  ];
}

const counted = (status, n) => n > 0 && h("span", { class: stateClass(status) }, `${n}${NBSP}${status}`);

function tile({ name, title, status, reason, measured_us, latency_ns, meaning }, now_us) {
  return h(
    "li",
    { class: `tile ${stateClass(status)}`, key: name, "data-status": status, title: meaning || null },
    stateIcon(status),
    h("h3", null, title),
    h("span", { class: `word ${stateClass(status)}` }, status),
    h("p", { class: "reason" }, sentence(reason)),
    status !== "healthy" && status !== "disabled" && meaning ? h("p", { class: "meaning" }, sentence(meaning)) : null,
    h(
      "p",
      { class: "age", title: latency_ns === null ? null : `The measurement took ${duration(latency_ns)}` },
      age(status, measured_us, now_us),
    ),
  );
}

function age(status, measured_us, now_us) {
  if (status === "disabled") return "not measured";
  if (measured_us === null || measured_us === undefined) return "never measured";
  return `measured ${ago(measured_us, now_us)}`;
}
