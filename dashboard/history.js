// What the page asks of the history, and when: at the start, after a break, when filter, range or open row change.

import { query, streamFilter } from "./filters.js";
import { rangeNamed } from "./ranges.js";
import { held, kindsOf } from "./store.js";

const PAGE = 200;
const TYPING_MS = 200;
const TOO_FAR = 100_000; // events behind: then the newest page is asked for instead of all that was missed
const REFRESH_MS = 10_000;
const NEAR_END_ROWS = 30;
const HEALS_US = 60e6; // how far back the stream's missing seconds are asked for
const HEAL_EVERY_MS = 5_000;

export class History {
  constructor({ store, api, resubscribe }) {
    Object.assign(this, { store, api, resubscribe });
    this.asked = 0;
    this.typing = null;
    this.healed_ms = 0;
    this.since_us = 0; // holes from before the page was opened are the history's own
    setInterval(() => this.refresh(), REFRESH_MS);
  }

  get state() {
    return this.store.state;
  }

  say(message) {
    this.store.dispatch(message);
  }

  // Before the stream is opened: everything for the first paint, then the rows from whose end the stream goes on.
  async prepare() {
    const page = await this.api.page().catch((error) => {
      if (error.status === 401) location.reload(); // the daemon shows its form
      throw error;
    });
    this.say({ type: "page", page });
    const { rows } = this.state;
    this.since_us ||= page.hello.now_us;
    this.readCharts();
    const behind = page.hello.latest - (rows.last ?? 0);
    if (!rows.loaded || behind < 0 || behind > TOO_FAR) await this.readRows({ anew: behind < 0 });
    return page.stream_url;
  }

  subscription() {
    const { rows, filter } = this.state;
    return { from: rows.last === null ? null : rows.last + 1, filter: streamFilter(filter, kindsOf(this.state)) };
  }

  // What follows from how the state changed.
  follow(state, before) {
    if (state.filter !== before.filter) this.typed(state.filter.text !== before.filter.text);
    else if (state.from_us !== before.from_us) this.readRows();
    else if (state.filter.off.length && newKind(state, before)) this.readRows();
    if (state.stats !== before.stats) this.heal();
    if (state.range !== before.range) this.readCharts();
    if (state.migrations !== before.migrations && states(state) !== states(before)) this.readMarks();
    if (state.opened !== before.opened && state.opened !== null) this.readTrace();
    if (state.rows.overflowed && state.rows.loaded && !held(state)) this.readRows();
    if (state.scroll !== before.scroll) this.readOlderWhenNear();
  }

  typed(text) {
    clearTimeout(this.typing);
    if (text) this.typing = setTimeout(() => this.readRows(), TYPING_MS);
    else this.readRows();
  }

  wanted() {
    const { filter, from_us } = this.state;
    return query(filter, kindsOf(this.state), from_us);
  }

  async readRows({ anew = false } = {}) {
    this.asked += 1;
    const asked = this.asked;
    const { hello, rows } = this.state;
    const last = anew ? hello.latest : Math.max(hello?.latest ?? 0, rows.last ?? 0);
    this.say({ type: "rows_wanted" });
    try {
      const page = await this.api.events(this.wanted(), null, PAGE);
      if (asked !== this.asked) return;
      this.say({ type: "rows_loaded", page, last });
      this.resubscribe();
    } catch (error) {
      if (asked === this.asked) this.say({ type: "rows_failed", error: error.message });
    }
  }

  async readOlderWhenNear() {
    const { rows, scroll, narrow } = this.state;
    if (!rows.loaded || rows.next === null || rows.loadingOlder) return;
    const height = narrow ? 50 : 32;
    if ((scroll.top + scroll.height) / height < rows.length - NEAR_END_ROWS) return;
    const asked = this.asked;
    this.say({ type: "older_wanted" });
    try {
      const page = await this.api.events(this.wanted(), rows.next, PAGE * 2);
      if (asked === this.asked) this.say({ type: "older_loaded", page });
    } catch (error) {
      if (asked === this.asked) this.say({ type: "rows_failed", error: error.message });
    }
  }

  refresh() {
    const { hello, frozen, range, link } = this.state;
    if (hello === null || frozen || link.phase !== "connected") return;
    if (range !== "live") return this.readCharts();
    this.readMarks();
    this.readAgain(this.state.series.newest_us - HEALS_US); // what arrived late counts too
  }

  async readCharts() {
    const { range } = this.state;
    const { length_s, step_s } = rangeNamed(range);
    const to_us = this.now_us();
    try {
      const answer = await this.api.stats(to_us - length_s * 1e6, to_us, step_s);
      this.say(range === "live" ? { type: "live_loaded", answer } : { type: "range_loaded", answer, range });
    } catch (error) {
      if (range !== "live") this.say({ type: "range_failed", error: error.message });
    }
    this.readMarks();
  }

  // A busy daemon may leave a second out of the stream that it did measure: then the history has it.
  async heal() {
    const { series, hello } = this.state;
    if (hello === null || performance.now() - this.healed_ms < HEAL_EVERY_MS) return;
    const to_us = series.newest_us;
    const hole = series
      .missing(null, Math.max(to_us - HEALS_US, this.since_us), to_us)
      .find(([from_us]) => !isExplained(series, from_us));
    if (!hole) return;
    this.healed_ms = performance.now();
    await this.readAgain(hole[0]);
  }

  async readAgain(from_us) {
    const to_us = this.state.series.newest_us;
    if (to_us <= from_us || to_us === 0) return;
    const answer = await this.api.stats(from_us, to_us, 1).catch(() => null);
    if (answer) this.say({ type: "healed", answer });
  }

  async readMarks() {
    const to_us = this.now_us();
    const marks = await this.api
      .marks(to_us - rangeNamed(this.state.range).length_s * 1e6, to_us + 60e6)
      .catch(() => null);
    if (marks) this.say({ type: "marks_loaded", marks });
  }

  async readTrace() {
    const { rows, opened } = this.state;
    const id = rows.at(rows.placeOf(opened))?.trace_id;
    if (!id) return;
    const answer = await this.api.trace(id).then(
      (trace) => ({ trace }),
      ({ message }) => ({ error: message }),
    );
    this.say({ type: "trace_loaded", id, ...answer });
  }

  now_us() {
    return Math.max(this.state.now_us, this.state.hello?.now_us ?? 0);
  }
}

const isExplained = (series, at_us) =>
  series.reasons.some(({ from_us, to_us }) => at_us >= from_us - 1e6 && at_us < to_us);

const newKind = (state, before) => state.stats !== before.stats && kindsOf(state).join() !== kindsOf(before).join();

const states = ({ migrations }) =>
  migrations
    .map(
      ({ fold, run_id, state, steps, locks }) =>
        `${fold}${run_id}${state}${steps.map((step) => step.state)}${locks?.window_ms}`,
    )
    .join();
