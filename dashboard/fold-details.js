// The body of a fold's panel: progress, checks, locks and undo.

import { h } from "./dom.js";
import { ago, count, many, NBSP, rate, sentence, short, stretch } from "./format.js";
import { icon, stateIcon } from "./icons.js";

// How much of its rows the running step has done, from 0 to 1; null where that is not known.
export const shareOf = (progress) =>
  progress && progress.rows_total > 0 && progress.rows_done !== null
    ? Math.min(progress.rows_done / progress.rows_total, 1)
    : null;

export const undoWord = ({ possible }) => `Can be undone: ${possible === null ? "unknown" : possible ? "yes" : "no"}`;

export function progress({ progress: running }) {
  if (!running)
    return h(
      "div",
      { class: "progress" },
      h("h3", null, "Progress"),
      h("p", { class: "quiet" }, "No step has rows to move now."),
    );
  const { title, rows_done, rows_total, rows_per_s, time_left_s, tables } = running;
  const share = shareOf(running);
  const counts = rows_done !== null;
  return h(
    "div",
    { class: "progress" },
    h("h3", null, sentence(title)),
    !counts && h("p", { class: "quiet" }, "How many rows are done is not known yet."),
    counts &&
      h(
        "p",
        { class: "one-number" },
        h("b", null, count(rows_done)),
        rows_total !== null ? ` of ${many(rows_total, "row")}` : " rows",
      ),
    counts &&
      h(
        "div",
        {
          class: "meter",
          role: "progressbar",
          "aria-label": title || "Rows done",
          "aria-valuemin": "0",
          "aria-valuemax": "100",
          "aria-valuenow": share === null ? null : String(Math.floor(share * 100)),
        },
        h("span", { style: { width: `${(share ?? 0) * 100}%` } }),
      ),
    counts &&
      h(
        "dl",
        { class: "trio" },
        figure("To do", rows_total !== null ? count(rows_total - rows_done) : count(null)),
        figure("Rows a second", rows_per_s === null ? count(null) : rate(rows_per_s)),
        figure("Time left", time_left_s === null ? "not known yet" : `about${NBSP}${stretch(time_left_s)}`),
      ),
    h(
      "ul",
      { class: "tables" },
      tables.map((table) =>
        h(
          "li",
          { key: table.table },
          h("span", null, table.table),
          h(
            "span",
            null,
            table.rows_total === null
              ? many(table.rows_done, "row")
              : `${count(table.rows_done)} of ${count(table.rows_total)}`,
          ),
          h("span", { class: "quiet" }, tableWord(table)),
        ),
      ),
    ),
  );
}

const figure = (label, value) => h("div", null, h("dt", null, label), h("dd", null, value));

function tableWord({ rows_done, rows_total, state }) {
  if (state === "running" && rows_total) return `${Math.floor((rows_done / rows_total) * 100)}${NBSP}%`;
  return { to_come: "next", running: "running", done: "done", failed: "failed", waiting: "waits" }[state] ?? state;
}

export function checks({ checks: list }, { zone, now_us }) {
  const n = (state) => list.filter((check) => check.state === state).length;
  const parts = [
    ["failed", "failed"],
    ["passed", "passed"],
    ["warned", "to know"],
    ["to_come", "to come"],
  ]
    .filter(([state]) => n(state))
    .map(([state, words]) => `${n(state)}${NBSP}${words}`);
  return h(
    "div",
    { class: "checks" },
    h("h3", null, parts.length ? `Checks: ${parts.join(", ")}` : "Checks: none yet"),
    h(
      "ul",
      null,
      list.map(({ name, state, sentence: words, at_us }) =>
        h(
          "li",
          { key: name, class: state },
          stateIcon(state),
          h("span", null, h("span", { class: "unseen" }, `${CHECK_WORDS[state]}: `), sentence(words)),
          h("time", null, at_us === null ? "" : zone.near(at_us, now_us)),
        ),
      ),
    ),
  );
}

const CHECK_WORDS = { passed: "passed", failed: "failed", warned: "to know", to_come: "to come" };

export function locks({ locks: found, undo, waits_for }, { now_us }) {
  return h(
    "div",
    { class: "locks" },
    h("h3", null, "Locks and undo"),
    found && [
      found.window_ms !== null &&
        h(
          "p",
          { class: "one-number" },
          h("b", null, short(found.window_ms * 1e6)),
          ` lock window${found.planned_ms !== null ? `, planned about ${short(found.planned_ms * 1e6)}` : ""}`,
        ),
      h("p", { class: "quiet" }, sentence(found.sentence)),
    ],
    undo
      ? h(
          "div",
          { class: `undo ${undo.possible === false ? "blocked" : ""}` },
          undo.possible === null
            ? icon("question", "unknown")
            : undo.possible
              ? icon("tick", "ok")
              : icon("octagon", "bad"),
          h("b", null, undoWord(undo)),
          h(
            "p",
            null,
            sentence(undo.sentence),
            undo.computed_us !== null ? ` Computed ${ago(undo.computed_us, now_us)}.` : "",
          ),
        )
      : h("p", { class: "quiet" }, "Nobody has computed yet whether it can be undone."),
    waits_for &&
      h(
        "div",
        { class: "waits" },
        h("p", null, icon("person", "running"), sentence(waits_for.sentence)),
        waits_for.command && h("code", { class: "command" }, waits_for.command),
      ),
  );
}
