// The charts' panel: events a second by kind, percentiles, error rate, under one another on one time axis.

import { h, render } from "./dom.js";
import { NBSP } from "./format.js";
import { icon } from "./icons.js";
import { flags } from "./marks.js";
import { Plots } from "./plots.js";
import { rangeNamed } from "./ranges.js";
import { kindClass, kindsOf } from "./store.js";
import { spanOf } from "./window.js";

export const uses = [
  "stats",
  "series_version",
  "ranged",
  "ranged_error",
  "range",
  "marks",
  "latency",
  "apart",
  "narrow",
  "frozen",
  "now_us",
  "scheme",
];

const BAND = 30; // pixels for a kind on its own scale

// The kind whose percentiles are drawn: the reader's choice, or the one with durations that has the most calls outside.
export function latencyKind(state) {
  const timed = state.stats?.kinds.filter(({ p99_ns }) => p99_ns !== null) ?? [];
  if (state.latency !== null) return state.latency;
  const usual = timed.find(({ kind }) => kind === "supabase");
  return (usual ?? timed.toSorted((a, b) => (b.operations_per_s ?? 0) - (a.operations_per_s ?? 0))[0])?.kind ?? null;
}

export class Charts {
  constructor(root, dispatch) {
    this.root = root;
    this.dispatch = dispatch;
    this.plots = null;
  }

  render(state) {
    if (state.hello === null) return;
    const span = spanOf(state);
    const kind = latencyKind(state);
    const marks = state.marks.filter(({ at_us }) => at_us >= span.from_us && at_us <= span.to_us);
    render(this.root, this.head(state, kind), this.body(state, span, kind, marks));
    this.plots ??= new Plots(this.canvases);
    this.plots.render({
      ...span,
      kind,
      marks,
      apart: state.apart,
      kinds: kindsOf(state),
      zone: state.zone,
      narrow: state.narrow,
    });
    this.drawFlags(state);
  }

  head(state, kind) {
    const kinds = kindsOf(state);
    return h(
      "header",
      { class: "panel-head" },
      h("h2", null, rangeNamed(state.range).title),
      h(
        "span",
        { class: "quiet" },
        state.range !== "live" && state.ranged === null && !state.ranged_error ? "loading" : "all sources",
      ),
      h(
        "span",
        { class: "end" },
        h(
          "label",
          { class: "control toggle" },
          h("input", {
            type: "checkbox",
            checked: state.apart,
            onchange: ({ target }) => this.dispatch({ type: "apart", apart: target.checked }),
          }),
          "Own scales",
        ),
        h(
          "span",
          { class: "control select" },
          h("span", { class: `swatch ${kindClass(kind ?? "")}`, "aria-hidden": "true" }),
          h(
            "select",
            {
              "aria-label": "Kind whose latency is drawn",
              value: kind ?? "",
              onchange: ({ target }) => this.dispatch({ type: "latency", kind: target.value }),
            },
            kinds.map((one) => h("option", { key: one, value: one, selected: one === kind }, `Latency of ${one}`)),
          ),
          icon("down"),
        ),
      ),
    );
  }

  body(state, span, kind, marks) {
    return h(
      "div",
      { class: "charts" },
      state.ranged_error && h("p", { class: "bad" }, icon("octagon"), state.ranged_error),
      h("div", {
        class: "flags",
        "aria-hidden": "true",
        own: true,
        made: (node) => {
          this.flags = node;
        },
      }),
      this.plot(
        "rate",
        `Events a second, by kind${state.apart ? ", each on its own scale" : ""}`,
        state.apart ? { height: `${kindsOf(state).length * BAND + 8}px` } : {},
      ),
      this.plot("latency", kind ? `Latency of ${kind}, ms` : "Latency, ms"),
      this.plot("errors", `Error rate, % of all${NBSP}events`),
      h("p", { class: "unseen", role: "note" }, words(state, span, marks)),
      reasons(state, span),
    );
  }

  plot(name, title, style = {}) {
    return h(
      "figure",
      { class: `plot ${name}`, key: name },
      h("figcaption", null, title),
      h(
        "div",
        { class: "canvas", style },
        h("canvas", {
          role: "img",
          "aria-label": title,
          own: true,
          made: (node) => {
            this.canvases = { ...this.canvases, [name]: node };
          },
        }),
      ),
    );
  }

  drawFlags(state) {
    if (this.flags) render(this.flags, flags(state.marks, this.plots.placer(), state));
  }
}

// Why time is missing, where the daemon says it: the latest stretches.
function reasons({ zone, now_us }, { series, from_us }) {
  const known = series.reasons.filter(({ to_us }) => to_us > from_us).slice(-2);
  return (
    known.length > 0 &&
    h(
      "p",
      { class: "why" },
      known.map(({ from_us: from, to_us, reason }, at) => [
        at ? "; " : "No data ",
        zone.near(Math.max(from, from_us), now_us),
        " to ",
        zone.near(to_us, now_us),
        ": ",
        reason,
      ]),
      ".",
    )
  );
}

function words({ zone }, { series, from_us, to_us, ready }, marks) {
  if (!ready) return "No points yet.";
  const missing = series
    .missing(null, from_us, to_us)
    .map(([from, to]) => `no data from ${zone.clock(from)} to ${zone.clock(to)}`);
  return (
    [...missing, ...marks.map(({ title, at_us }) => `${title} at ${zone.clock(at_us)}`)].join("; ") ||
    "No time is missing."
  );
}
