// What each plot draws, from the points of a stretch of time. A step nobody measured is NaN: the line stops there.

import { kindClass } from "./store.js";

const FROM_THE_BOTTOM = ["redis", "supabase", "websocket"]; // so that neighbours differ in lightness

const kindColour = (colour, kind) => (kindClass(kind) === "k-other" ? colour("line-strong") : colour(kindClass(kind)));

function steps({ series, from_us, to_us, step_s }) {
  const first = series.step(from_us);
  const length = Math.max(Math.ceil(to_us / (step_s * 1e6)) - first, 0); // with the step that is not over yet
  const at = (index) => Math.min((first + index + 0.5) * step_s * 1000, to_us / 1000);
  return { length, place: (at_us) => series.step(at_us) - first, at };
}

// A kind's values, one a step; null where it has no point.
function values(view, kind, grid, read) {
  const found = new Array(grid.length).fill(null);
  for (const point of view.series.of(kind, view.from_us, view.to_us)) {
    const index = grid.place(point.at_us);
    if (index >= 0 && index < grid.length) found[index] = read(point);
  }
  return found;
}

// Of a step that is not over yet only the part that has passed counts.
const perSecond =
  ({ to_us }) =>
  ({ at_us, operations, step_s }) =>
    operations / Math.max(Math.min(step_s, (to_us - at_us) / 1e6), 0.5);

// A value between two that are missing makes no line: it is drawn as a dot.
const dots = (data) =>
  data.map(({ y }, at) =>
    !Number.isNaN(y) && Number.isNaN(data[at - 1]?.y ?? NaN) && Number.isNaN(data[at + 1]?.y ?? NaN) ? 2 : 0,
  );

const dotted = (dataset) => ({
  ...dataset,
  pointRadius: dots(dataset.data),
  pointBackgroundColor: dataset.pointHoverBackgroundColor,
});

export function layers(view, colour) {
  const grid = steps(view);
  const kinds = [
    ...FROM_THE_BOTTOM.filter((kind) => view.kinds.includes(kind)),
    ...view.kinds.filter((kind) => !FROM_THE_BOTTOM.includes(kind)),
  ];
  const all = kinds.map((kind) => ({ kind, values: values(view, kind, grid, perSecond(view)) }));
  const measured = Array.from({ length: grid.length }, (_, at) => all.some((one) => one.values[at] !== null));
  const below = new Array(grid.length).fill(0);
  const datasets = all.map(({ kind, values: own }, order) => ({
    label: kind,
    data: own.map((value, at) => {
      below[at] += value ?? 0;
      return { x: grid.at(at), y: measured[at] ? below[at] : NaN, value: value ?? 0 };
    }),
    fill: order === 0 ? "origin" : "-1",
    backgroundColor: `color-mix(in srgb, ${kindColour(colour, kind)} 86%, transparent)`,
    borderColor: colour("surface"),
    borderWidth: FROM_THE_BOTTOM.includes(kind) ? 1 : 0,
    borderDash: [],
    pointHoverBackgroundColor: kindColour(colour, kind),
    layer: true,
  }));
  return { datasets: datasets.map(dotted), min: 0, max: roundedUp(Math.max(...below, 1)) };
}

// Each kind in a band of its own, on a scale of its own.
export function bands(view, colour) {
  const grid = steps(view);
  const n = view.kinds.length;
  const datasets = view.kinds.map((kind, order) => {
    const own = values(view, kind, grid, perSecond(view));
    const top = Math.max(...own.map((value) => value ?? 0), 1e-9);
    const floor = n - 1 - order;
    return {
      label: kind,
      top,
      known: own.some((value) => value !== null),
      data: own.map((value, at) => ({
        x: grid.at(at),
        y: value === null ? NaN : floor + 0.06 + (value / top) * 0.8,
        value,
      })),
      fill: { value: floor + 0.06 },
      backgroundColor: `color-mix(in srgb, ${kindColour(colour, kind)} 30%, transparent)`,
      borderColor: kindColour(colour, kind),
      borderWidth: 1.5,
      borderDash: [],
      pointHoverBackgroundColor: kindColour(colour, kind),
      layer: false,
    };
  });
  return { datasets: datasets.map(dotted), min: 0, max: Math.max(n, 1) };
}

const PERCENTILES = [
  ["p99", "p99_ns", "ink", 1.75, []],
  ["p95", "p95_ns", "ink-2", 1.5, [5, 3]],
  ["p50", "p50_ns", "ink-3", 1.5, [1.5, 2.5]],
];

export function percentiles(view, colour) {
  const grid = steps(view);
  let [least, most] = [Infinity, -Infinity];
  const datasets = PERCENTILES.map(([label, field, ink, width, dash]) => ({
    label,
    unit: "\u00a0ms",
    data: values(view, view.kind, grid, (point) => point[field] ?? null).map((ns, at) => {
      const ms = ns ? ns / 1e6 : NaN;
      if (ns) [least, most] = [Math.min(least, ms), Math.max(most, ms)];
      return { x: grid.at(at), y: ms, value: ms };
    }),
    fill: false,
    borderColor: colour(ink),
    borderWidth: width,
    borderDash: dash,
    pointHoverBackgroundColor: colour(ink),
    tone: ink,
  }));
  if (least === Infinity) return { datasets, min: 1, max: 100 };
  const min = 10 ** Math.floor(Math.log10(least));
  return { datasets: datasets.map(dotted), min, max: Math.max(roundedUp(most), min * 10) };
}

export function errorRate(view, colour) {
  const grid = steps(view);
  const operations = new Array(grid.length).fill(null);
  const errors = new Array(grid.length).fill(0);
  for (const kind of view.kinds) {
    values(view, kind, grid, (point) => point).forEach((point, at) => {
      if (point === null) return;
      operations[at] = (operations[at] ?? 0) + point.operations;
      errors[at] += point.errors;
    });
  }
  const share = operations.map((n, at) => (n ? (errors[at] / n) * 100 : NaN)); // no operation: no rate
  const datasets = [
    {
      label: "errors",
      unit: "\u00a0%",
      data: share.map((value, at) => ({ x: grid.at(at), y: value, value })),
      fill: "origin",
      borderColor: colour("bad"),
      borderWidth: 1.5,
      backgroundColor: `color-mix(in srgb, ${colour("bad")} 20%, transparent)`,
      pointHoverBackgroundColor: colour("bad"),
    },
  ];
  return {
    datasets: datasets.map(dotted),
    min: 0,
    max: roundedUp(Math.max(...share.filter((value) => !Number.isNaN(value)), 1)),
  };
}

// The next of 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8 times a power of ten, a little above.
export function roundedUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  const found = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((step) => step * power >= value * 1.02);
  return (found ?? 10) * power;
}
