// The bar on top: is what stands below true now, and which stretch of time is it?

import { h } from "./dom.js";
import { count, NBSP, NONE, short, stretch } from "./format.js";
import { icon } from "./icons.js";
import { runningStep } from "./migrations.js";
import { RANGES } from "./ranges.js";
import { droppedOf } from "./store.js";

export const uses = ["hello", "link", "clock_us", "delay_ns", "sources", "range", "frozen", "migrations", "narrow"];

export function view(state, dispatch) {
  return [
    h(
      "div",
      { class: "bar-line" },
      h("h1", { class: "brand" }, "pgfold"),
      h("span", { class: "about" }, about(state)),
      link(state),
      figures(state),
      h("time", { class: "date" }, date(state)),
      h(
        "div",
        { class: "controls" },
        ranges(state, dispatch),
        pause(state, dispatch),
        h("span", { class: "version" }, state.hello?.version ?? ""),
      ),
    ),
    state.narrow && running(state),
  ];
}

function about({ hello, narrow, zone, clock_us }) {
  if (!hello) return "";
  const title = hello.title ?? location.host;
  const first = title.split(" · ")[0];
  return narrow ? `${first}, ${zone.clock(clock_us)}${NBSP}${zone.label(clock_us)}` : title;
}

const date = ({ hello, zone, clock_us }) =>
  hello ? `${zone.longDate(clock_us)}, ${zone.clock(clock_us)}${NBSP}${zone.label(clock_us)}` : "";

const PHASES = {
  connecting: ["arc", "neutral", "Connecting"],
  connected: ["tick", "ok", "Connected"],
  stale: ["triangle", "warn", "Stale"],
  reconnecting: ["arc", "bad", "Reconnecting"],
};

function link({ link, frozen, clock_us }) {
  const [shape, tone, word] = PHASES[link.phase];
  const since = stretch(Math.max(0, clock_us - link.since_us) / 1e6);
  const words = link.phase === "connected" ? word : `${word} for ${since}`;
  return h(
    "span",
    { class: "pills", role: "status" },
    h(
      "span",
      { class: `pill ${tone}`, "data-phase": link.phase },
      icon(shape),
      h("span", null, link.phase === "connecting" ? word : words),
    ),
    frozen &&
      h(
        "span",
        { class: "pill neutral", "data-phase": "paused" },
        icon("pause"),
        `Paused for ${stretch((clock_us - frozen.now_us) / 1e6)}`,
      ),
  );
}

function figures(state) {
  const dropped = droppedOf(state);
  return h(
    "span",
    { class: "figures" },
    h(
      "span",
      { title: "From where an event was recorded to this screen, median of the last 5 seconds" },
      "delay ",
      h("b", null, state.link.phase === "connected" ? delay(state.delay_ns) : NONE),
    ),
    h(
      "a",
      {
        href: "#sources",
        class: dropped ? "warn" : "",
        title: "Events that were recorded and never stored; see Sources",
      },
      dropped ? icon("triangle") : null,
      h("b", null, state.hello ? count(dropped) : NONE),
      " dropped",
    ),
  );
}

const delay = (ns) => (ns === null ? NONE : ns < 1e9 ? `${Math.round(ns / 1e6)}${NBSP}ms` : short(ns));

function ranges(state, dispatch) {
  return h(
    "div",
    { class: "segments", role: "group", "aria-label": "Range" },
    RANGES.map(({ name, label }) =>
      h(
        "button",
        { type: "button", "aria-pressed": String(state.range === name), onclick: () => dispatch.range(name) },
        label,
      ),
    ),
  );
}

function pause(state, dispatch) {
  const paused = state.frozen !== null;
  return h(
    "button",
    {
      type: "button",
      class: "control pause",
      "aria-pressed": String(paused),
      onclick: () => dispatch({ type: "pause" }),
    },
    icon(paused ? "play" : "pause"),
    paused ? "Resume" : "Pause",
  );
}

function running(state) {
  const found = runningStep(state.migrations);
  if (!found) return null;
  return h(
    "a",
    { class: "running-step", href: "#migrations" },
    icon(found.failed ? "octagon" : "arc", found.failed ? "bad" : "running"),
    h("b", null, found.title),
    h("span", null, `fold${NBSP}${found.fold}`),
    h("span", { class: "end" }, found.words),
  );
}
