// The timeline's rows: what the history gave and what came since, oldest first, bounded.
//
// While the reader is held (scrolled away, a row open, paused) new rows wait and are only counted, so nothing moves
// under the eye; more than fit are not kept, as the history has them: then the newest page is asked for anew.

const KEPT = 4_000;
const WAITING = 20_000;

const cursorOf = ({ seq }) => `e${seq}`; // the history goes on below this number

export class Rows {
  constructor() {
    this.version = 0;
    this.begin(null);
  }

  // The history is asked anew: nothing that comes counts until it has answered. The rows stay in sight until then.
  begin(last) {
    this.rows ??= [];
    this.waiting = [];
    this.waitingCount = 0;
    this.overflowed = false;
    this.last = last ?? this.last ?? null;
    this.all = null;
    this.total = null;
    this.next = null;
    this.loaded = false;
    this.loadingOlder = false;
    this.error = null;
    this.version += 1;
  }

  // The newest page of the history; `last` is the newest number that was known when it was asked for.
  load(page, last) {
    this.rows = page.events.toReversed();
    this.waiting = [];
    this.waitingCount = 0;
    this.overflowed = false;
    this.next = page.next;
    this.total = page.total;
    this.all = page.all;
    this.last = Math.max(last ?? 0, this.rows.at(-1)?.seq ?? 0);
    this.loaded = true;
    this.error = null;
    this.version += 1;
  }

  loadOlder(page) {
    const oldest = this.rows[0]?.seq ?? Infinity;
    this.rows = page.events
      .filter(({ seq }) => seq < oldest)
      .toReversed()
      .concat(this.rows);
    this.next = page.next;
    this.loadingOlder = false;
    this.version += 1;
  }

  fail(error) {
    this.error = error;
    this.loadingOlder = false;
    this.version += 1;
  }

  // A frame of the stream. A number that was jumped over is drawn as a gap, as it might have been anything.
  receive({ first, last, events }, held) {
    if (!this.loaded || last <= this.last) return;
    if (this.last && first > this.last + 1) {
      this.miss(
        { from: this.last + 1, to: first - 1, count: first - 1 - this.last, reason: "They did not arrive here." },
        held,
      );
    }
    const fresh = events.filter(({ seq }) => seq > this.last);
    this.all += last - Math.max(first - 1, this.last);
    if (this.total !== null) this.total += fresh.length;
    this.last = last;
    if (fresh.length) this.append(fresh, fresh.length, held);
    this.version += 1;
  }

  // The stream's word that some numbers will not come.
  miss({ from, to, count, reason }, held) {
    if (!this.loaded || to <= this.last) return;
    this.append([{ gap: true, seq: to, from, to, count, reason }], 0, held);
    this.all += to - Math.max(from - 1, this.last);
    this.last = to;
    this.version += 1;
  }

  append(rows, events, held) {
    if (!held) {
      for (const row of rows) this.rows.push(row);
      this.trim();
      return;
    }
    this.waitingCount += events;
    if (this.overflowed) return;
    for (const row of rows) this.waiting.push(row);
    if (this.waiting.length > WAITING) {
      this.waiting = [];
      this.overflowed = true;
    }
  }

  // The reader wants the newest: what waited is shown. False when it was too much and the history must be asked.
  release() {
    if (this.overflowed) return false;
    for (const row of this.waiting) this.rows.push(row);
    this.waiting = [];
    this.waitingCount = 0;
    this.trim();
    this.version += 1;
    return true;
  }

  trim() {
    if (this.rows.length <= 2 * KEPT) return;
    this.rows = this.rows.slice(-KEPT);
    this.next = cursorOf(this.rows[0]);
  }

  get length() {
    return this.rows.length;
  }

  // The row at a place counted from the newest.
  at(place) {
    return this.rows[this.rows.length - 1 - place];
  }

  placeOf(seq) {
    const index = this.rows.findIndex((row) => row.seq === seq);
    return index < 0 ? -1 : this.rows.length - 1 - index;
  }
}
