// The timeline's list: only the rows in sight exist; an open one makes room for its request and facts below it.

import { view as details } from "./details.js";
import { h } from "./dom.js";
import { count, duration, NONE, shortId, size } from "./format.js";
import { stateIcon } from "./icons.js";
import { kindClass } from "./store.js";
import { view as trace } from "./trace.js";

export const rowHeight = (narrow) => (narrow ? 50 : 32);

const OVERSCAN = 3;

const COLUMNS = [
  ["Kind", "kind"],
  ["Name", "name"],
  ["Way", "way"],
  ["Outcome", "outcome"],
  ["Took", "took"],
  ["Size", "size"],
  ["Source", "source"],
  ["Correlation", "id"],
];

export function list(state, dispatch) {
  const { rows, scroll, narrow } = state;
  const height = rowHeight(narrow);
  const openedPlace = state.opened === null ? -1 : rows.placeOf(state.opened);
  const extra = openedPlace < 0 ? 0 : scroll.opened_height;
  const top = (place) => place * height + (openedPlace >= 0 && place > openedPlace ? extra : 0);
  const [first, last] = inSight(rows.length, scroll, height, openedPlace, extra);
  const drawn = [];
  for (let place = first; place < last; place += 1) {
    drawn.push(line(rows.at(place), place, top(place), state, dispatch));
    if (place === openedPlace) drawn.push(opened(rows.at(place), top(place) + height, state, dispatch));
  }
  return h(
    "div",
    {
      class: `list ${rows.loaded ? "" : "reading"}`,
      role: "treegrid",
      "aria-label": "Events",
      "aria-rowcount": String(rows.length + 1),
      made: watch(dispatch),
    },
    head(state),
    h("div", { class: "rows", role: "rowgroup", style: { height: `${rows.length * height + extra}px` } }, drawn),
  );
}

function inSight(length, { top, height: visible }, height, openedPlace, extra) {
  const place = (y) => {
    const plain = Math.floor(y / height);
    return openedPlace < 0 || plain <= openedPlace ? plain : Math.max(openedPlace, Math.floor((y - extra) / height));
  };
  return [Math.max(0, place(top) - OVERSCAN), Math.min(length, place(top + visible) + OVERSCAN)];
}

function watch(dispatch) {
  return (node) => {
    const measure = () => dispatch({ type: "scrolled", scroll: { top: node.scrollTop, height: node.clientHeight } });
    let asked = false;
    node.addEventListener(
      "scroll",
      () => {
        if (asked) return;
        asked = true;
        requestAnimationFrame(() => {
          asked = false;
          measure();
        });
      },
      { passive: true },
    );
    new ResizeObserver(measure).observe(node);
  };
}

function head({ zone, now_us }) {
  return h(
    "div",
    { class: "row heads", role: "row", "aria-rowindex": "1" },
    h("span", { role: "columnheader", class: "time" }, `Time, ${zone.label(now_us)}`),
    COLUMNS.map(([words, name]) => h("span", { role: "columnheader", class: name }, words)),
  );
}

function line(row, place, top, state, dispatch) {
  if (row.gap) return gap(row, place, top);
  const { zone } = state;
  const outcome = row.outcome ?? "ok";
  const open = state.opened === row.seq;
  const chosen = state.selected === row.seq;
  return h(
    "div",
    {
      class: `row is-${outcome} ${open ? "open" : ""} ${chosen ? "chosen" : ""} ${kindClass(row.kind)}`,
      role: "row",
      key: `row ${place % 200}`,
      "aria-rowindex": String(place + 2),
      "aria-expanded": String(open),
      "data-seq": String(row.seq),
      tabindex: chosen || (state.selected === null && place === 0) ? "0" : "-1",
      style: { transform: `translateY(${top}px)` },
      onclick: () => dispatch.openRow(row.seq),
      onfocus: () => dispatch.focusRow(row.seq),
    },
    cell("time", zone.precise(row.at_us)),
    cell("kind", h("span", { class: "swatch", "aria-hidden": "true" }), h("span", { class: "cut" }, row.kind)),
    cell(
      "name",
      h("span", { class: "cut" }, row.name, row.error_type && h("span", { class: "bad" }, ` ${row.error_type}`)),
    ),
    cell("way", row.direction && row.direction !== "none" ? row.direction : NONE),
    cell(
      `outcome ${outcome === "error" ? "bad" : ""}`,
      stateIcon(outcome),
      outcome === "error" ? h("b", null, outcome) : outcome,
    ),
    cell("took", duration(row.duration_ns)),
    cell("size", size(row.size_bytes)),
    cell("source", h("span", { class: "cut" }, row.source)),
    cell(
      "id",
      row.trace_id
        ? h(
            "button",
            {
              type: "button",
              class: "link id",
              tabindex: "-1",
              "aria-label": `${shortId(row.trace_id)}, request ${row.trace_id}`,
              onclick: (event) => {
                event.stopPropagation();
                dispatch.openRow(row.seq);
              },
            },
            shortId(row.trace_id),
          )
        : NONE,
    ),
  );
}

const cell = (name, ...children) => h("span", { role: "gridcell", class: name }, children);

const gap = ({ from, to, count: n, reason }, place, top) =>
  h(
    "div",
    {
      class: "row gap",
      role: "row",
      key: `row ${place % 200}`,
      "aria-rowindex": String(place + 2),
      style: { transform: `translateY(${top}px)` },
    },
    h(
      "span",
      { role: "gridcell", class: "words" },
      h(
        "span",
        null,
        h("b", null, `${count(n)} events are missing here`),
        ` (numbers ${count(from)} to ${count(to)}). ${reason}`,
      ),
    ),
  );

function measured(dispatch) {
  return (node) =>
    new ResizeObserver(() => {
      if (node.isConnected) dispatch({ type: "scrolled", scroll: { opened_height: node.offsetHeight } });
    }).observe(node);
}

function opened(event, top, state, dispatch) {
  return h(
    "div",
    {
      class: "opened",
      role: "row",
      key: "opened",
      made: measured(dispatch),
      style: { transform: `translateY(${top}px)` },
    },
    h(
      "div",
      { role: "gridcell", "aria-colspan": "9", class: "sheet-of", "data-opened": String(event.seq) },
      event.trace_id && trace(state.traces[event.trace_id], event.trace_id, state),
      details(event, state.zone),
    ),
  );
}
