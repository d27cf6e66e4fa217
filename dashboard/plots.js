// The three plots. They share their left and right edge and their time axis; Chart.js draws the lines.

import "./vendor/chart.umd.min.js";
import { axisTicks, number } from "./axes.js";
import { layers, percentiles, errorRate, bands } from "./datasets.js";
import { Overlay } from "./overlay.js";
import { colours, FONT } from "./theme.js";

const { Chart } = globalThis;

const LEFT = 36;
const RIGHT = { wide: 84, narrow: 70 };

export class Plots {
  constructor(canvases) {
    this.overlays = {};
    this.charts = Object.fromEntries(Object.entries(canvases).map(([name, canvas]) => [name, this.made(name, canvas)]));
  }

  made(name, canvas) {
    const overlay = (this.overlays[name] = new Overlay(name));
    return new Chart(canvas, {
      type: "line",
      data: { datasets: [] },
      plugins: [overlay],
      options: {
        animation: false,
        parsing: false,
        normalized: true,
        responsive: true,
        maintainAspectRatio: false,
        spanGaps: false,
        interaction: { mode: "index", intersect: false },
        elements: {
          point: { radius: 0, hitRadius: 0, hoverRadius: 3, borderWidth: 0 },
          line: { tension: 0, borderJoinStyle: "round" },
        },
        plugins: {
          legend: { display: false },
          tooltip: { callbacks: this.words(), filter: ({ raw }) => raw.value !== 0 && !Number.isNaN(raw.y) },
        },
        scales: { x: { type: "linear" }, y: { type: name === "latency" ? "logarithmic" : "linear" } },
      },
    });
  }

  words() {
    return {
      title: ([item]) => (item && this.view ? this.view.zone.near(item.parsed.x * 1000, this.view.to_us) : ""),
      label: ({ dataset, raw }) => `${dataset.label} ${number(raw.value)}${dataset.unit ?? ""}`,
    };
  }

  render(view) {
    this.view = view;
    const colour = colours();
    const first = view.apart ? bands(view, colour) : layers(view, colour);
    this.draw("rate", first, colour, { bands: view.apart });
    this.draw("latency", percentiles(view, colour), colour, {});
    this.draw("errors", errorRate(view, colour), colour, { axis: true });
  }

  draw(name, { datasets, min, max }, colour, { bands: banded = false, axis = false }) {
    const chart = this.charts[name];
    const { from_us, to_us, zone, narrow, step_s } = this.view;
    const ticks = axisTicks(from_us, to_us, zone, narrow);
    Object.assign(chart.options, { font: { family: FONT } });
    chart.options.layout = { padding: { right: narrow ? RIGHT.narrow : RIGHT.wide, top: 4 } };
    chart.options.plugins.tooltip = { ...chart.options.plugins.tooltip, ...tooltip(colour) };
    Object.assign(chart.options.scales.x, timeScale(from_us, to_us, axis, ticks, colour));
    Object.assign(chart.options.scales.y, valueScale(name, min, max, banded, colour));
    merge(chart, datasets);
    this.overlays[name].view = { ...this.view, colour, banded, step_s };
    chart.update("none");
  }

  // Gives the place of a time in pixels from the left of the first plot's canvas.
  placer() {
    const { scales, chartArea } = this.charts.rate;
    return {
      x: (us) => scales.x.getPixelForValue(us / 1000),
      left: chartArea.left,
      right: chartArea.right,
      width: this.charts.rate.width,
    };
  }
}

function merge(chart, wanted) {
  const known = chart.data.datasets;
  wanted.forEach((dataset, at) => {
    if (known[at]) Object.assign(known[at], dataset);
    else known.push(dataset);
  });
  known.length = wanted.length;
}

function timeScale(from_us, to_us, shown, ticks, colour) {
  return {
    min: from_us / 1000,
    max: to_us / 1000,
    border: { display: false },
    grid: { display: shown, drawOnChartArea: false, tickLength: 5, color: colour("line-strong") },
    afterBuildTicks: (scale) => {
      scale.ticks = ticks.map(({ at_us, label }) => ({ value: at_us / 1000, label }));
    },
    afterFit: (scale) => {
      scale.paddingLeft = 0;
      scale.paddingRight = 0;
      if (!shown) scale.height = 0;
    },
    ticks: {
      display: shown,
      color: colour("ink-3"),
      font: { size: 11, family: FONT },
      maxRotation: 0,
      autoSkip: false,
      callback: (value, at, all) => all[at].label,
    },
  };
}

function valueScale(name, min, max, banded, colour) {
  return {
    min,
    max,
    border: { display: false },
    grid: { display: !banded, color: colour("line"), drawTicks: false },
    afterFit: (scale) => {
      scale.width = LEFT;
    },
    ticks: {
      display: !banded,
      includeBounds: name === "latency",
      color: colour("ink-3"),
      font: { size: 11, family: FONT },
      padding: 6,
      maxTicksLimit: name === "rate" ? 5 : 4,
      callback: (value) =>
        name !== "latency" || Number.isInteger(Math.round(Math.log10(value) * 1e6) / 1e6) ? number(value) : "",
    },
  };
}

const tooltip = (colour) => ({
  backgroundColor: colour("ink"),
  titleColor: colour("surface"),
  bodyColor: colour("surface"),
  cornerRadius: 6,
  padding: 8,
  boxPadding: 4,
  titleFont: { family: FONT, size: 12 },
  bodyFont: { family: FONT, size: 12 },
  boxWidth: 8,
  boxHeight: 8,
});
