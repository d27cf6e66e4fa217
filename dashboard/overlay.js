// What lies over and under a plot's lines: missing time in stripes with words, marks, and the names at the right end.

import { number } from "./axes.js";
import { stretch } from "./format.js";
import { FONT, stripes } from "./theme.js";

const LINE_HEIGHT = 14;
const THICK = 11; // a layer thinner than this is named together with others

export class Overlay {
  constructor(name) {
    this.id = `overlay-${name}`;
    this.name = name;
    this.view = null;
  }

  beforeDatasetsDraw(chart) {
    if (!this.view) return;
    const { ctx, chartArea, scales } = chart;
    const { series, from_us, to_us, ready, colour } = this.view;
    this.missing = ready ? series.missing(null, from_us, to_us) : [];
    ctx.save();
    ctx.fillStyle = stripes(ctx, colour);
    for (const [from, to] of this.missing) {
      const [left, right] = edges(scales.x, chartArea, from, to);
      ctx.fillRect(left, chartArea.top, right - left, chartArea.bottom - chartArea.top);
    }
    ctx.restore();
  }

  afterDatasetsDraw(chart) {
    if (!this.view) return;
    const { ctx } = chart;
    ctx.save();
    ctx.textBaseline = "middle";
    if (this.name === "rate") this.missingWords(chart);
    this.marks(chart);
    if (this.view.banded) this.bandNames(chart);
    else if (this.name === "rate") this.layerNames(chart);
    else if (this.name === "latency") this.lineNames(chart);
    ctx.restore();
  }

  missingWords({ ctx, chartArea, scales }) {
    const { colour, narrow } = this.view;
    for (const [from, to] of this.missing) {
      const [left, right] = edges(scales.x, chartArea, from, to);
      const long = stretch((to - from) / 1e6);
      const middle = (left + right) / 2;
      const centre = (chartArea.top + chartArea.bottom) / 2;
      if (right - left >= 40 && !narrow) boxed(ctx, colour, middle, centre, ["no data", long]);
      else if (right - left >= 15) turned(ctx, colour, middle, centre, `no data ${long}`);
    }
  }

  marks({ ctx, chartArea, scales }) {
    const { marks, colour } = this.view;
    for (const { at_us, kind } of marks) {
      const x = Math.round(scales.x.getPixelForValue(at_us / 1000)) + 0.5;
      ctx.strokeStyle = kind === "cut_over" ? colour("ink") : colour("ink-2");
      ctx.lineWidth = kind === "cut_over" ? 1.5 : 1;
      ctx.setLineDash(kind === "cut_over" ? [] : [3, 3]);
      ctx.beginPath();
      ctx.moveTo(x, this.name === "rate" ? 0 : chartArea.top);
      ctx.lineTo(x, chartArea.bottom);
      ctx.stroke();
    }
    ctx.setLineDash([]);
  }

  // Thick layers by name at their middle; the thin ones, which lie on top, as 'n others'.
  layerNames(chart) {
    const { scales, data } = chart;
    const names = [];
    let floor = 0;
    const others = [];
    for (const { label, data: points } of data.datasets) {
      const top = points.findLast(({ y }) => !Number.isNaN(y))?.y;
      if (top === undefined) continue;
      const thickness = scales.y.getPixelForValue(floor) - scales.y.getPixelForValue(top);
      if (thickness >= THICK) names.push({ words: label, y: scales.y.getPixelForValue((floor + top) / 2) });
      else others.push(label);
      floor = top;
    }
    if (others.length)
      names.push({
        words: others.length === 1 ? others[0] : `${others.length} others`,
        y: scales.y.getPixelForValue(floor) - 4,
      });
    this.atRightEnd(chart, names);
  }

  lineNames(chart) {
    const names = chart.data.datasets.flatMap(({ label, data, tone }) => {
      const last = data.findLast(({ y }) => !Number.isNaN(y));
      return last ? [{ words: label, y: chart.scales.y.getPixelForValue(last.y), tone, weight: 600 }] : [];
    });
    this.atRightEnd(chart, names);
  }

  bandNames(chart) {
    const n = chart.data.datasets.length;
    const names = chart.data.datasets.map(({ label, top, known }, order) => ({
      words: label,
      second: !known ? "unknown" : top > 1e-6 ? `to ${number(top)}` : "idle",
      y: chart.scales.y.getPixelForValue(n - 1 - order + 0.46),
    }));
    for (const { words, second, y } of names) {
      this.write(chart, words, y - 6, "ink-2", 500);
      this.write(chart, second, y + 7, "ink-3", 400);
    }
  }

  // From the bottom up, each at least a line above the one below, none out of the plot.
  atRightEnd(chart, names) {
    const sorted = names.toSorted((a, b) => b.y - a.y);
    let limit = chart.chartArea.bottom;
    for (const name of sorted) {
      name.y = Math.min(name.y, limit - LINE_HEIGHT / 2);
      limit = name.y - LINE_HEIGHT / 2;
    }
    const over = chart.chartArea.top - limit;
    for (const { words, y, tone = "ink-2", weight = 400 } of sorted)
      this.write(chart, words, over > 0 ? y + over : y, tone, weight);
  }

  write({ ctx, chartArea, width }, words, y, tone, weight) {
    ctx.fillStyle = this.view.colour(tone);
    ctx.font = `${weight} 11px ${FONT}`;
    ctx.textAlign = "left";
    const room = width - chartArea.right - 8;
    let cut = words;
    while (cut.length > 2 && ctx.measureText(cut).width > room) cut = `${cut.slice(0, -2)}…`;
    ctx.fillText(cut, chartArea.right + 7, y);
  }
}

function edges(scale, { left, right }, from_us, to_us) {
  const clamp = (x) => Math.min(Math.max(x, left), right);
  return [clamp(scale.getPixelForValue(from_us / 1000)), clamp(scale.getPixelForValue(to_us / 1000))];
}

function boxed(ctx, colour, x, y, [first, second]) {
  ctx.textAlign = "center";
  ctx.font = `600 11px ${FONT}`;
  const wide = Math.max(ctx.measureText(second).width, 40);
  ctx.fillStyle = colour("surface");
  ctx.fillRect(x - wide / 2 - 4, y - 17, wide + 8, 34);
  ctx.fillStyle = colour("ink");
  ctx.fillText(second, x, y + 8);
  ctx.font = `400 11px ${FONT}`;
  ctx.fillStyle = colour("ink-2");
  ctx.fillText(first, x, y - 7);
}

function turned(ctx, colour, x, y, words) {
  ctx.save();
  ctx.translate(x, y);
  ctx.rotate(-Math.PI / 2);
  ctx.textAlign = "center";
  ctx.font = `400 11px ${FONT}`;
  const wide = ctx.measureText(words).width;
  ctx.fillStyle = colour("surface");
  ctx.fillRect(-wide / 2 - 4, -7, wide + 8, 14);
  ctx.fillStyle = colour("ink-2");
  ctx.fillText(words, 0, 0.5);
  ctx.restore();
}
