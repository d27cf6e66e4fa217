// Every state's icon, 16 by 16, drawn in the colour of its text; the word beside it says the same.

import { h } from "./dom.js";

const line = {
  fill: "none",
  stroke: "currentColor",
  "stroke-width": "1.6",
  "stroke-linecap": "round",
  "stroke-linejoin": "round",
};

const SHAPES = {
  tick: () => [h("circle", { ...line, cx: 8, cy: 8, r: 6.6 }), h("path", { ...line, d: "M5.2 8.3l2 1.9 3.6-4.1" })],
  triangle: () => [
    h("path", { ...line, d: "M8 1.9l6.5 11.7h-13z" }),
    h("path", { ...line, d: "M8 6.4v3.2M8 11.6v.1" }),
  ],
  octagon: () => [
    h("path", { fill: "currentColor", d: "M5.2 1h5.6L15 5.2v5.6L10.8 15H5.2L1 10.8V5.2z" }),
    h("path", { ...line, class: "cut", d: "M5.7 5.7l4.6 4.6M10.3 5.7l-4.6 4.6" }),
  ],
  question: () => [
    h("circle", { ...line, "stroke-dasharray": "2.2 2", cx: 8, cy: 8, r: 6.6 }),
    h("path", { ...line, "stroke-width": "1.4", d: "M6.2 6.3a1.8 1.8 0 1 1 2.5 1.7c-.5.2-.7.5-.7 1.1M8 11.3v.1" }),
  ],
  clock: () => [
    h("circle", { ...line, "stroke-dasharray": "2.2 2", cx: 8, cy: 8, r: 6.6 }),
    h("path", { ...line, d: "M8 4.8V8l2 1.4" }),
  ],
  arc: () => [
    h("circle", { ...line, class: "track", "stroke-width": "2.2", cx: 8, cy: 8, r: 6 }),
    h("path", { ...line, class: "turning", "stroke-width": "2.2", d: "M8 2a6 6 0 1 1-5.6 3.9" }),
  ],
  person: () => [
    h("circle", { ...line, cx: 8, cy: 5, r: 2.7 }),
    h("path", { ...line, d: "M2.9 14c.4-3 2.3-4.6 5.1-4.6s4.7 1.6 5.1 4.6" }),
  ],
  dash: () => [h("circle", { ...line, cx: 8, cy: 8, r: 6.6 }), h("path", { ...line, d: "M5.2 8h5.6" })],
  pause: () => [h("path", { ...line, "stroke-width": "2.4", d: "M5 3.5v9M11 3.5v9" })],
  play: () => [h("path", { fill: "currentColor", d: "M4.5 2.5l9 5.5-9 5.5z" })],
  search: () => [h("circle", { ...line, cx: 7, cy: 7, r: 4.6 }), h("path", { ...line, d: "M10.5 10.5L14 14" })],
  down: () => [h("path", { ...line, d: "M4 6.2l4 4 4-4" })],
  less: () => [h("path", { ...line, d: "M4 9.8l4-4 4 4" })],
  right: () => [h("path", { ...line, d: "M6.2 4l4 4-4 4" })],
  download: () => [h("path", { ...line, d: "M8 2v8M4.8 7L8 10.2 11.2 7M2.5 13.5h11" })],
  cross: () => [h("path", { ...line, d: "M4.5 4.5l7 7M11.5 4.5l-7 7" })],
  up: () => [h("path", { ...line, d: "M8 13V3M4.5 6.5L8 3l3.5 3.5" })],
};

export const icon = (name, kind = "") =>
  h("svg", { class: `icon ${kind}`, viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false" }, SHAPES[name]());

// Which icon and which colour class say a state; every place that shows one looks here.
export const STATES = {
  healthy: ["tick", "ok"],
  ok: ["tick", "ok"],
  done: ["tick", "ok"],
  passed: ["tick", "ok"],
  good: ["tick", "ok"],
  folded: ["tick", "ok"],
  sending: ["tick", "ok"],
  free: ["tick", "ok"],
  degraded: ["triangle", "warn"],
  warned: ["triangle", "warn"],
  many: ["triangle", "warn"],
  unhealthy: ["octagon", "bad"],
  error: ["octagon", "bad"],
  failed: ["octagon", "bad"],
  bad: ["octagon", "bad"],
  leaking: ["octagon", "bad"],
  silent: ["octagon", "bad"],
  unknown: ["question", "unknown"],
  unproven: ["question", "unknown"],
  to_come: ["clock", "unknown"],
  planned: ["clock", "unknown"],
  cancelled: ["dash", "unknown"],
  running: ["arc", "running"],
  writing: ["arc", "running"],
  busy: ["arc", "running"],
  waiting: ["person", "running"],
  disabled: ["dash", "disabled"],
  ended: ["dash", "disabled"],
  rolled_back: ["dash", "disabled"],
};

export const stateIcon = (state) => icon(...(STATES[state] ?? STATES.unknown));

export const stateClass = (state) => (STATES[state] ?? STATES.unknown)[1];
