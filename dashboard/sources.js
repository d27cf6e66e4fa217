// Sources: each process with its books, recorded = stored + dropped; those that do not send come first.

import { h } from "./dom.js";
import { ago, count, many } from "./format.js";
import { stateClass, stateIcon } from "./icons.js";

export const uses = ["sources", "now_us"];

const ORDER = ["silent", "sending", "ended"];

export function view({ sources, now_us }) {
  const sorted = sources.toSorted(
    (a, b) => rank(a) - rank(b) || b.dropped - a.dropped || a.label.localeCompare(b.label),
  );
  const n = (state) => sources.filter((source) => source.state === state).length;
  const words = ORDER.filter(n)
    .map((state) => `${count(n(state))} ${state}`)
    .join(", ");
  return [
    h(
      "header",
      { class: "panel-head" },
      h("h2", null, "Sources"),
      h("span", { class: "end quiet" }, words || "none yet"),
    ),
    sources.length === 0
      ? h("p", { class: "nothing" }, "No process has sent anything yet.")
      : h(
          "ul",
          { class: "entries bounded", tabindex: "0", "aria-label": "Sources" },
          sorted.map((source) => entry(source, now_us)),
        ),
  ];
}

const rank = ({ state, expected }) => (state === "silent" ? (expected ? 0 : 1) : ORDER.indexOf(state) + 1);

function entry({ label, service, instance, pid, started_us, last_us, state, recorded, stored, dropped }, now_us) {
  const under_way = recorded - stored - dropped;
  return h(
    "li",
    { key: `${instance} ${pid} ${started_us}`, "data-state": state },
    stateIcon(state),
    h("b", { title: `${service}, process ${pid}` }, label),
    h(
      "span",
      { class: `end ${stateClass(state)}` },
      state === "sending" ? "sending" : `${state}, ${ago(last_us, now_us)}`,
    ),
    h(
      "p",
      null,
      `${many(recorded, "event")}: ${count(stored)} stored, `,
      dropped ? h("b", { class: "warn" }, `${count(dropped)} dropped`) : "0 dropped",
      under_way > 0 && `, ${count(under_way)} on the way`,
    ),
  );
}
