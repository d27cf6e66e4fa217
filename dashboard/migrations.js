// The folds: the running one step by step, with its progress, checks, locks and undo; those that are over in one line.

import { h } from "./dom.js";
import { checks, locks, progress, shareOf, undoWord } from "./fold-details.js";
import { count, NBSP, sentence, short, stretch } from "./format.js";
import { icon, stateClass, stateIcon } from "./icons.js";

export const uses = ["migrations", "now_us", "unfolded", "narrow"];

const OPEN = new Set(["running", "waiting", "failed"]);

export function view(state, dispatch) {
  return state.migrations.map((migration) => {
    const open = state.unfolded[identity(migration)] ?? OPEN.has(migration.state);
    return h(
      "section",
      {
        class: `panel migration ${open ? "open" : "line"}`,
        key: identity(migration),
        "data-state": migration.state,
        "aria-label": `Fold ${migration.fold}`,
      },
      open ? opened(migration, state, dispatch) : closed(migration, state, dispatch),
    );
  });
}

const identity = ({ fold, run_id }) => `${fold} ${run_id ?? ""}`;

// For the bar of a narrow page: the step that runs, in a few words.
export function runningStep(migrations) {
  for (const { fold, steps, progress, state } of migrations) {
    const step = steps.find((one) => one.state === "running" || (state === "failed" && one.state === "failed"));
    if (!step) continue;
    const share = shareOf(progress);
    const failed = step.state === "failed";
    const words = failed ? "failed" : share === null ? short(step.took_ns) : `${Math.floor(share * 100)}${NBSP}%`;
    return { fold, title: step.title, words, failed };
  }
  return null;
}

// --- over: one line

function closed(migration, state, dispatch) {
  const { fold, waits_for, undo, finished_us, target } = migration;
  return h(
    "div",
    { class: "fold-line" },
    stateIcon(migration.state),
    h("b", null, `Fold ${fold}`),
    h("span", { class: stateClass(migration.state) }, STATE_WORDS[migration.state] ?? migration.state),
    h(
      "span",
      { class: "quiet" },
      intoWords(migration.sources, target),
      finished_us ? `, ${state.zone.near(finished_us, state.now_us)}` : "",
    ),
    undo && h("span", { class: "quiet" }, undoWord(undo)),
    waits_for &&
      h(
        "span",
        { class: "quiet" },
        icon("person", "running"),
        " ",
        sentence(waits_for.sentence),
        " ",
        waits_for.command && h("code", null, waits_for.command),
      ),
    h("span", { class: "end" }, dagster(migration), toggle(migration, false, dispatch)),
  );
}

const STATE_WORDS = {
  planned: "planned",
  running: "running",
  waiting: "waits for a person",
  folded: "folded",
  failed: "failed",
  rolled_back: "rolled back",
};

function toggle(migration, open, dispatch) {
  return h(
    "button",
    {
      type: "button",
      class: "plain",
      "aria-expanded": String(open),
      "aria-label": `${open ? "Close" : "Open"} fold ${migration.fold}`,
      onclick: () => dispatch({ type: "unfold", fold: identity(migration), unfolded: !open }),
    },
    icon(open ? "less" : "down"),
  );
}

// --- open

function opened(migration, state, dispatch) {
  return [
    head(migration, state, dispatch),
    steps(migration),
    h("div", { class: "fold-body" }, progress(migration), checks(migration, state), locks(migration, state)),
  ];
}

function head(migration, state, dispatch) {
  const { fold, sources, target, plan_hash } = migration;
  return h(
    "header",
    { class: "panel-head" },
    h("h2", null, `Fold ${fold}`),
    h(
      "span",
      { class: "what" },
      sources.map(({ table, rows }, at) => [
        at ? (at === sources.length - 1 ? " and " : ", ") : "",
        table,
        " ",
        h("span", { class: "quiet" }, count(rows)),
      ]),
      target && [
        " into ",
        target.table,
        " ",
        target.rows_before !== null && h("span", { class: "quiet" }, `${count(target.rows_before)} before`),
      ],
    ),
    pill(migration, state.now_us),
    h(
      "span",
      { class: "end" },
      plan_hash && h("span", { class: "quiet plan" }, "plan ", h("code", { class: "bare" }, plan_hash.slice(0, 6))),
      dagster(migration),
      toggle(migration, true, dispatch),
    ),
  );
}

function intoWords(sources, target) {
  const names = sources.map(({ table }) => table);
  const listed = names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : names.join("");
  return target ? `${listed} into ${target.table}` : listed;
}

const TONES = {
  failed: "bad",
  folded: "ok",
  rolled_back: "neutral",
  planned: "neutral",
  running: "neutral",
  waiting: "neutral",
};

function pill({ state, started_us, finished_us }, now_us) {
  const took = started_us === null ? "" : ` ${stretch(((finished_us ?? now_us) - started_us) / 1e6)}`;
  const words = {
    running: `Running${took}`,
    waiting: "Waits for a person",
    failed: `Failed${took && ` after${took}`}`,
    folded: `Folded${took && ` in${took}`}`,
    rolled_back: "Rolled back",
    planned: "Planned",
  };
  return h("span", { class: `pill ${TONES[state]}` }, stateIcon(state), words[state] ?? state);
}

function dagster({ dagster_url, run_id }) {
  if (!dagster_url)
    return run_id ? h("span", { class: "quiet" }, "run ", h("code", { class: "bare" }, run_id.slice(0, 6))) : null;
  if (!/^https?:\/\//.test(dagster_url)) return null;
  return h("a", { href: dagster_url, rel: "noreferrer" }, `Dagster run${NBSP}${(run_id ?? "").slice(0, 6)}`);
}

function steps({ steps, progress: running }) {
  return h(
    "ol",
    { class: "steps" },
    steps.map(({ name, title, state, took_ns, sentence: words }) =>
      h(
        "li",
        { key: name, class: `step ${state}` },
        h(
          "span",
          { class: "track" },
          stateIcon(state),
          h(
            "span",
            { class: "rail" },
            state === "running" && h("span", { class: "fill", style: { width: `${(shareOf(running) ?? 0) * 100}%` } }),
          ),
        ),
        h("b", null, title),
        h(
          "span",
          { class: "took" },
          state === "waiting" ? "Waits for approval" : took_ns !== null ? short(took_ns) : STEP_WORDS[state],
        ),
        h("span", { class: "words" }, sentence(words)),
      ),
    ),
  );
}

const STEP_WORDS = { to_come: "to come", running: "running", done: "done", failed: "failed", waiting: "" };
