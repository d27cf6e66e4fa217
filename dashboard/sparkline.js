// A kind's last minutes as a small line: it stops where time is missing, and the missing time is striped.

import { h } from "./dom.js";

const WIDTH = 124;
const HEIGHT = 28;
const COLUMNS = 100;

export function sparkline(points, missing, from_us, to_us) {
  const x = (us) => Math.min(Math.max(((us - from_us) / (to_us - from_us)) * (WIDTH - 6) + 2, 2), WIDTH - 4);
  const rates = averaged(points, from_us, to_us);
  const top = Math.max(...rates.map(({ rate }) => rate), 1e-9);
  const y = (rate) => HEIGHT - 4 - (rate / top) * (HEIGHT - 10);
  const last = rates.at(-1);
  return h(
    "svg",
    { class: "sparkline", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true", focusable: "false" },
    missing.map(([from, to], at) =>
      h("rect", {
        key: at,
        class: "striped",
        x: x(from).toFixed(1),
        y: 2,
        height: HEIGHT - 4,
        width: Math.max(x(to) - x(from), 1).toFixed(1),
        fill: "url(#stripes)",
      }),
    ),
    h("path", { class: "line", d: path(rates, x, y, missing) }),
    last && h("circle", { class: "dot", cx: x(last.at_us).toFixed(1), cy: y(last.rate).toFixed(1), r: 2 }),
  );
}

function averaged(points, from_us, to_us) {
  const columns = new Map();
  for (const { at_us, operations, step_s } of points) {
    const column = Math.floor(((at_us - from_us) / (to_us - from_us)) * COLUMNS);
    const known = columns.get(column) ?? { at_us, sum: 0, n: 0 };
    columns.set(column, { at_us: known.at_us, sum: known.sum + operations / step_s, n: known.n + 1 });
  }
  return [...columns.values()].map(({ at_us, sum, n }) => ({ at_us, rate: sum / n }));
}

function path(rates, x, y, missing) {
  let d = "";
  let before = null;
  for (const { at_us, rate } of rates) {
    const broken = before === null || missing.some(([from]) => from > before && from <= at_us);
    d += `${broken ? "M" : "L"}${x(at_us).toFixed(1)} ${y(rate).toFixed(1)}`;
    before = at_us;
  }
  return d;
}
