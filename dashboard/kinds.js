// By kind: how much, how wrong, how slow, who is connected, when last.

import { h } from "./dom.js";
import { ago, count, duration, NBSP, percentage, rate, sentence } from "./format.js";
import { icon } from "./icons.js";
import { kindClass, kindsOf } from "./store.js";
import { sparkline } from "./sparkline.js";
import { spanOf } from "./window.js";

export const uses = ["stats", "now_us", "narrow", "frozen", "series_version"];

const HIGH_SHARE = 0.05; // errors that a reader's eye is led to

export function view(state) {
  const { stats, narrow } = state;
  if (stats === null) return [];
  const kinds = kindsOf(state).map((kind) => stats.kinds.find((one) => one.kind === kind));
  return [
    h(
      "header",
      { class: "panel-head" },
      h("h2", null, "By kind"),
      h("span", { class: "quiet" }, `last ${stats.window_s}${NBSP}s${narrow ? "; p50 · p95 · p99" : ""}`),
    ),
    narrow ? list(kinds, state) : table(kinds, state),
    h("p", { class: "panel-foot" }, note(kinds)),
  ];
}

function note(kinds) {
  const sampled = kinds.filter((one) => one.sampled).map(({ kind }) => kind);
  if (kinds.length === 0) return "No kind has been seen yet.";
  return sampled.length
    ? `≈ from a sample: ${sampled.join(", ")}. Errors and slow ones are all kept.`
    : "Nothing here is from a sample: every event is counted.";
}

const swatch = (kind) => h("span", { class: `swatch ${kindClass(kind)}`, "aria-hidden": "true" });

function line({ kind }, state) {
  const { from_us, to_us } = spanOf({ ...state, range: "live" });
  return h(
    "span",
    { class: kindClass(kind) },
    sparkline(state.series.of(kind, from_us, to_us), state.series.missing(kind, from_us, to_us), from_us, to_us),
  );
}

const HEADS = [
  ["Kind", ""],
  ["Rate, /s", "number"],
  ["Errors, %", "number"],
  ["p50", "number"],
  ["p95", "number"],
  ["p99", "number"],
  ["Active", "number"],
  ["Last seen", "number"],
  [`Last 5${NBSP}min`, "line"],
];

function table(kinds, state) {
  return h(
    "div",
    { class: "kinds-scroll", tabindex: "0", role: "group", "aria-label": "By kind, as a table" },
    h(
      "table",
      { class: "kinds" },
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          HEADS.map(([words, kind]) => h("th", { scope: "col", class: kind }, words)),
        ),
      ),
      h(
        "tbody",
        null,
        kinds.map((one) =>
          h("tr", { key: one.kind, "data-kind": one.kind, "data-state": one.state }, cells(one, state)),
        ),
      ),
    ),
  );
}

function cells(one, state) {
  const name = h("th", { scope: "row" }, swatch(one.kind), h("span", { class: "name" }, one.kind));
  const seen = h("td", { class: "number quiet" }, ago(one.last_us, state.now_us));
  const spark = h("td", { class: "line" }, line(one, state));
  if (one.state === "unknown") return [name, h("td", { class: "why", colspan: "6" }, unknown(one, state)), seen, spark];
  return [
    name,
    h(
      "td",
      { class: "number" },
      approximate(one),
      one.state === "idle" ? [h("span", { class: "quiet" }, "idle "), "0"] : rate(one.operations_per_s),
    ),
    h("td", { class: "number" }, errors(one)),
    h("td", { class: "number second" }, duration(one.p50_ns)),
    h("td", { class: "number" }, duration(one.p95_ns)),
    h("td", { class: "number" }, duration(one.p99_ns)),
    h("td", { class: "number" }, count(one.active)),
    seen,
    spark,
  ];
}

const approximate = ({ sampled, operations_per_s }) =>
  sampled && operations_per_s ? h("span", { class: "about-equal", title: "estimated from a sample" }, "≈") : null;

function errors({ error_rate }) {
  if (error_rate === null || error_rate < HIGH_SHARE) return percentage(error_rate);
  return h("span", { class: "warn" }, icon("triangle"), h("b", null, percentage(error_rate)));
}

function unknown({ reason, since_us }, { zone, now_us }) {
  const since = since_us ? ` since ${zone.near(since_us, now_us)}` : "";
  return [icon("question", "unknown"), `unknown${since}`, reason ? `, ${sentence(reason).replace(/\.$/, "")}` : ""];
}

// --- one column: a wide row becomes two lines

function list(kinds, state) {
  return h(
    "ul",
    { class: "kinds" },
    kinds.map((one) =>
      h(
        "li",
        { key: one.kind, "data-kind": one.kind, "data-state": one.state },
        swatch(one.kind),
        h("b", { class: "name" }, one.kind),
        h(
          "b",
          { class: "rate" },
          one.state === "unknown"
            ? ""
            : one.state === "idle"
              ? "idle"
              : [approximate(one), `${rate(one.operations_per_s)}${NBSP}/s`],
        ),
        line(one, state),
        h("span", { class: "facts" }, facts(one, state)),
      ),
    ),
  );
}

// 0.3 · 1.1 · 4.8 ms: the unit once where it is the same.
function together(durations) {
  const units = durations.map((words) => words.split(NBSP).slice(1).join(NBSP));
  const same = units.every((unit) => unit === units[0]) && durations.every((words) => words.split(NBSP).length === 2);
  return same
    ? `${durations.map((words) => words.split(NBSP)[0]).join(" · ")}${NBSP}${units[0]}`
    : durations.join(" · ");
}

function facts(one, state) {
  const seen = h("span", { class: "quiet" }, ago(one.last_us, state.now_us));
  if (one.state === "unknown") return [h("span", null, unknown(one, state)), seen];
  if (one.state === "idle") return [h("span", null, `0${NBSP}/s, its sources are connected`), seen];
  return [
    h("span", null, errors(one), `${NBSP}%${NBSP}errors`),
    one.p50_ns !== null && h("span", null, together([one.p50_ns, one.p95_ns, one.p99_ns].map(duration))),
    one.active !== null && h("span", null, `${count(one.active)}${NBSP}active`),
  ];
}
