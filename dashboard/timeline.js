// The timeline's panel: what is shown of all, the filters, and the list.

import { h } from "./dom.js";
import { count, NBSP } from "./format.js";
import { isFiltering } from "./filters.js";
import { icon } from "./icons.js";
import { empty } from "./empty.js";
import { menu as exportMenu } from "./export.js";
import { list } from "./list.js";
import { kindClass, kindsOf } from "./store.js";

export const uses = [
  "hello",
  "stats",
  "filter",
  "rows_version",
  "opened",
  "selected",
  "traces",
  "scroll",
  "narrow",
  "range",
  "from_us",
  "frozen",
  "sources",
  "link",
];

export function view(state, dispatch) {
  if (state.hello === null) return [];
  return [
    h(
      "header",
      { class: "panel-head" },
      h("h2", null, "Timeline"),
      h("span", { class: "quiet" }, reach(state)),
      h("span", { class: "end" }, exportMenu(state)),
    ),
    h(
      "div",
      { class: "filters" },
      chips(state, dispatch),
      h("div", { class: "filter-line" }, outcome(state, dispatch), sources(state, dispatch), search(state, dispatch)),
    ),
    counts(state, dispatch),
    empty(state, dispatch) ?? list(state, dispatch),
  ];
}

function reach({ rows, zone, now_us, from_us }) {
  const oldest = from_us ?? rows.rows.find((row) => !row.gap)?.at_us;
  return oldest ? `${zone.near(oldest, now_us)} to now` : "";
}

function chips(state, dispatch) {
  const { off } = state.filter;
  return h(
    "div",
    { class: "chips", role: "group", "aria-label": "Kinds" },
    kindsOf(state).map((kind) => {
      const on = !off.includes(kind);
      const next = on ? [...off, kind] : off.filter((one) => one !== kind);
      return h(
        "button",
        {
          type: "button",
          key: kind,
          class: `chip ${kindClass(kind)}`,
          "aria-pressed": String(on),
          onclick: () => dispatch({ type: "filter", filter: { off: next } }),
        },
        h("span", { class: "swatch", "aria-hidden": "true" }),
        h("span", { class: "name" }, kind),
      );
    }),
  );
}

const OUTCOMES = ["ok", "error", "cancelled"];

const outcome = ({ filter }, dispatch) =>
  h(
    "span",
    { class: "control select" },
    h(
      "select",
      {
        "aria-label": "Outcome",
        value: filter.outcome ?? "",
        onchange: ({ target }) => dispatch({ type: "filter", filter: { outcome: target.value || null } }),
      },
      h("option", { value: "", selected: filter.outcome === null }, "Outcome: any"),
      OUTCOMES.map((one) => h("option", { key: one, value: one, selected: filter.outcome === one }, `Outcome: ${one}`)),
    ),
    icon("down"),
  );

function sources({ filter, sources: known }, dispatch) {
  const labels = [...new Set([...known.map(({ label }) => label), ...filter.sources])].sort();
  const chosen = filter.sources;
  const say = (next) => dispatch({ type: "filter", filter: { sources: next } });
  return h(
    "span",
    { class: "source-filter" },
    h(
      "details",
      { class: "menu" },
      h(
        "summary",
        { class: `control ${chosen.length ? "chosen" : ""}` },
        h("span", { class: "cut" }, chosen.length ? chosen.join(", ") : "Source: any"),
        icon("down"),
      ),
      h(
        "div",
        { class: "sheet" },
        labels.length === 0 && h("p", { class: "quiet" }, "No source has sent anything yet."),
        labels.map((label) =>
          h(
            "label",
            { key: label },
            h("input", {
              type: "checkbox",
              checked: chosen.includes(label),
              onchange: ({ target }) =>
                say(target.checked ? [...chosen, label] : chosen.filter((one) => one !== label)),
            }),
            label,
          ),
        ),
      ),
    ),
    chosen.length > 0 &&
      h(
        "button",
        { type: "button", class: "plain", "aria-label": "Any source", onclick: () => say([]) },
        icon("cross"),
      ),
  );
}

const search = ({ filter }, dispatch) =>
  h(
    "span",
    { class: "control search" },
    icon("search"),
    h("input", {
      type: "search",
      id: "search",
      value: filter.text,
      placeholder: "Name, error, correlation id",
      "aria-label": "Search name, error or correlation id",
      autocomplete: "off",
      maxlength: "200",
      spellcheck: "false",
      oninput: ({ target }) => dispatch({ type: "filter", filter: { text: target.value } }),
    }),
  );

function counts(state, dispatch) {
  const { rows, filter } = state;
  const filtering = isFiltering(filter) || state.from_us !== null;
  return h(
    "div",
    { class: "counts" },
    h("span", { role: "status" }, rows.loaded ? counted(rows) : rows.error ? "" : "reading …"),
    isFiltering(filter) &&
      h(
        "button",
        { type: "button", class: "link", onclick: () => dispatch({ type: "clear" }) },
        filtering ? "Clear filters" : "Clear",
      ),
    h("span", { class: "end" }, "newest first", fresh(state, dispatch)),
  );
}

function counted({ total, all, length, next }) {
  if (total !== null) return [h("b", null, count(total)), ` of ${count(all)}${NBSP}events`];
  return [h("b", null, next === null ? count(length) : `${count(length)} or more`), ` of ${count(all)}${NBSP}events`];
}

function fresh(state, dispatch) {
  const { rows, frozen, opened, scroll } = state;
  if (rows.waitingCount === 0) return null;
  const since = frozen
    ? "since you paused"
    : scroll.top > 4
      ? "since you scrolled"
      : opened !== null
        ? "since you opened a row"
        : "since you chose a row";
  return [
    "; ",
    h(
      "button",
      { type: "button", class: "link", disabled: frozen !== null, onclick: () => dispatch({ type: "newest" }) },
      `${count(rows.waitingCount)}${NBSP}new ${since}`,
    ),
  ];
}
