// All that the page knows. dispatch(message) makes the next state from a message; nothing else holds any.

import { EVERYTHING } from "./filters.js";
import { Rows } from "./rows.js";
import { Series } from "./series.js";
import { Zone } from "./zone.js";

export function initialState(now_us) {
  return {
    now_us,
    link: { phase: "connecting", since_us: now_us, reason: "" },
    delay_ns: null,
    hello: null,
    zone: new Zone("UTC"),
    stats: null,
    components: null,
    migrations: [],
    backups: null,
    sources: [],
    semaphores: [],
    requests: [],
    series: new Series(),
    series_version: 0,
    marks: [],
    range: "live",
    ranged: null, // {series, from_us, to_us} of a range other than live
    ranged_error: null,
    latency: null, // the kind whose percentiles are drawn; null: the busiest with durations
    apart: false, // each kind on a scale of its own
    filter: EVERYTHING,
    from_us: null, // the oldest time of the timeline
    rows: new Rows(),
    rows_version: 0,
    opened: null, // number of the row that is open
    selected: null, // number of the row that the keyboard is on
    traces: {}, // what the history said of a correlation id
    scroll: { top: 0, height: 600, opened_height: 0 },
    unfolded: {}, // fold -> whether its panel is open, where the reader said so
    narrow: false,
    help: false,
    frozen: null, // while paused: what is shown
  };
}

// What stands still while the page is paused.
const FREEZES = [
  "now_us",
  "stats",
  "components",
  "migrations",
  "backups",
  "sources",
  "semaphores",
  "requests",
  "ranged",
  "marks",
];

// The state as the panels should show it.
export const shown = (state) =>
  state.frozen ? { ...state, ...state.frozen, clock_us: state.now_us } : { ...state, clock_us: state.now_us };

// Whether new rows must wait.
export const held = (state) =>
  state.frozen !== null || state.opened !== null || state.selected !== null || state.scroll.top > 4;

export class Store {
  constructor(now_us) {
    this.state = initialState(now_us);
    this.listeners = [];
  }

  dispatch(message) {
    const reduce = REDUCERS[message.type];
    if (!reduce) return; // a newer daemon's message
    const before = this.state;
    this.state = { ...before, ...reduce(before, message) };
    for (const listener of this.listeners) listener(this.state, before);
  }
}

const REDUCERS = {
  // --- from the daemon
  page: (state, { page }) => ({
    ...REDUCERS.hello(state, page.hello),
    ...REDUCERS.stats(state, page.stats),
    ...REDUCERS.health(state, page.health),
    ...REDUCERS.migrations(state, page.migrations),
    ...REDUCERS.backups(state, page.backups),
    ...REDUCERS.sources(state, page.sources),
    ...REDUCERS.semaphores(state, page.semaphores),
    ...REDUCERS.calls(state, page.calls),
  }),
  hello: (state, hello) => ({
    hello,
    zone: state.zone.name === hello.time_zone ? state.zone : new Zone(hello.time_zone),
  }),
  stats(state, stats) {
    state.series.add(stats.point);
    return { stats };
  },
  health: (state, { components }) => ({ components }),
  migrations: (state, { migrations }) => ({ migrations }),
  backups: (state, { backups }) => ({ backups }),
  sources: (state, { sources }) => ({ sources }),
  semaphores: (state, { semaphores }) => ({ semaphores }),
  calls: (state, { requests }) => ({ requests }),
  events(state, frame) {
    state.rows.receive(frame, held(state));
    return { rows_version: state.rows.version };
  },
  gap(state, gap) {
    state.rows.miss(gap, held(state));
    return { rows_version: state.rows.version };
  },

  // --- from the history
  rows_wanted(state) {
    state.rows.begin(null);
    return { rows_version: state.rows.version, scroll: { ...state.scroll, top: 0 } };
  },
  rows_loaded(state, { page, last }) {
    state.rows.load(page, last);
    const kept = (seq) => (seq !== null && state.rows.placeOf(seq) >= 0 ? seq : null);
    return { rows_version: state.rows.version, opened: kept(state.opened), selected: kept(state.selected) };
  },
  older_wanted(state) {
    state.rows.loadingOlder = true;
    return {};
  },
  older_loaded(state, { page }) {
    state.rows.loadOlder(page);
    return { rows_version: state.rows.version };
  },
  rows_failed(state, { error }) {
    state.rows.fail(error);
    return { rows_version: state.rows.version };
  },
  live_loaded(state, { answer }) {
    state.series.add(answer.points);
    state.series.reasons = answer.missing;
    return { series_version: state.series.version };
  },
  healed(state, { answer }) {
    state.series.add(answer.points);
    state.series.reasons = [...state.series.reasons, ...answer.missing].slice(-20);
    return { series_version: state.series.version };
  },
  range_loaded(state, { answer, range }) {
    if (range !== state.range) return {};
    const series = new Series(answer.step_s);
    series.add(answer.points);
    series.reasons = answer.missing;
    return { ranged: { series, from_us: answer.from_us, to_us: answer.to_us }, ranged_error: null };
  },
  range_failed: (state, { error }) => ({ ranged_error: error }),
  marks_loaded: (state, { marks }) => ({ marks }),
  trace_loaded: (state, { id, trace, error }) => ({ traces: keepNewest(state.traces, id, { trace, error }) }),

  // --- from this page
  link(state, { phase, reason, now_us }) {
    const since_us = phase === state.link.phase ? state.link.since_us : now_us;
    return { link: { phase, reason, since_us } };
  },
  tick: (state, { now_us, delay_ns }) => ({ now_us, delay_ns }),
  narrow: (state, { narrow }) => ({ narrow }),

  // --- from the reader
  pause(state) {
    if (state.frozen) return REDUCERS.resume(state);
    return { frozen: Object.fromEntries(FREEZES.map((name) => [name, state[name]])) };
  },
  resume: (state) => ({ frozen: null, ...releasedIfFree({ ...state, frozen: null }) }),
  range: (state, { name, from_us }) => ({
    range: name,
    from_us,
    ranged: null,
    ranged_error: null,
    frozen: state.frozen && { ...state.frozen, ranged: null },
  }),
  latency: (state, { kind }) => ({ latency: kind }),
  apart: (state, { apart }) => ({ apart }),
  filter: (state, { filter }) => ({ filter: { ...state.filter, ...filter } }),
  clear: () => ({ filter: EVERYTHING }),
  select: (state, { seq }) => ({
    selected: seq,
    ...(seq === null ? releasedIfFree({ ...state, selected: null }) : {}),
  }),
  open(state, { seq }) {
    const opened = state.opened === seq ? null : seq;
    const scroll = { ...state.scroll, opened_height: 0 };
    return { opened, scroll, ...(opened === null ? releasedIfFree({ ...state, opened }) : {}) };
  },
  scrolled(state, { scroll }) {
    const next = { ...state, scroll: { ...state.scroll, ...scroll } };
    return { scroll: next.scroll, ...releasedIfFree(next) };
  },
  newest(state) {
    const free = { ...state, opened: null, selected: null, scroll: { ...state.scroll, top: 0 } };
    return { opened: null, selected: null, scroll: free.scroll, ...releasedIfFree(free) };
  },
  unfold: (state, { fold, unfolded }) => ({ unfolded: { ...state.unfolded, [fold]: unfolded } }),
  help: (state, { help }) => ({ help }),
};

// What waited joins the rows once nothing holds the reader any more.
function releasedIfFree(state) {
  if (held(state) || state.rows.waitingCount + state.rows.waiting.length === 0) return {};
  state.rows.release();
  return { rows_version: state.rows.version };
}

const TRACES_KEPT = 20;

function keepNewest(traces, id, answer) {
  const kept = Object.entries(traces)
    .filter(([known]) => known !== id)
    .slice(-(TRACES_KEPT - 1));
  return Object.fromEntries([...kept, [id, answer]]);
}

// --- what several panels ask of a state

// Every kind that there is, the ones with a colour first and in their order.
export function kindsOf(state) {
  const known = state.stats?.kinds.map(({ kind }) => kind) ?? [];
  const others = known.filter((kind) => !COLOURED.includes(kind)).sort();
  return [...COLOURED.filter((kind) => known.includes(kind)), ...others];
}

export const COLOURED = ["websocket", "redis", "supabase", "kimi", "glm", "auth", "config", "semaphore", "migration"];

export const kindClass = (kind) => `k-${COLOURED.includes(kind) ? kind : "other"}`;

// Events that never reached the history, over all sources.
export const droppedOf = (state) => state.sources.reduce((sum, { dropped }) => sum + dropped, 0);

// Without a connection and without anything from before there is nothing to show.
export const isBlank = (state) => state.hello === null;
