// Times in the zone that the server names; its label (AEST, AEDT) is the one that is true at that moment.

const QUARTER_MS = 15 * 60 * 1000; // offsets of zones change on a quarter of an hour

export class Zone {
  constructor(name) {
    this.name = name;
    this.parts = new Intl.DateTimeFormat("en-AU", {
      timeZone: name,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    this.short = new Intl.DateTimeFormat("en-AU", { timeZone: name, timeZoneName: "short" });
    this.day = new Intl.DateTimeFormat("en-AU", { timeZone: "UTC", weekday: "short", day: "numeric", month: "short" });
    this.offsets = new Map();
  }

  // Milliseconds to add to UTC for the clock on the wall.
  offset(ms) {
    const quarter = Math.floor(ms / QUARTER_MS);
    let offset = this.offsets.get(quarter);
    if (offset === undefined) {
      if (this.offsets.size > 2000) this.offsets.clear();
      const at = quarter * QUARTER_MS;
      const read = Object.fromEntries(this.parts.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
      offset = Date.UTC(read.year, read.month - 1, read.day, read.hour, read.minute, read.second) - at;
      this.offsets.set(quarter, offset);
    }
    return offset;
  }

  wall(us) {
    const ms = us / 1000;
    return new Date(ms + this.offset(ms));
  }

  // 07:16:39
  clock(us) {
    return this.wall(us).toISOString().slice(11, 19);
  }

  // 07:16
  minute(us) {
    return this.wall(us).toISOString().slice(11, 16);
  }

  // 07:16:39.912
  precise(us) {
    return this.wall(us).toISOString().slice(11, 23);
  }

  // AEDT
  label(us) {
    return this.short.formatToParts(us / 1000).find(({ type }) => type === "timeZoneName").value;
  }

  // Wed 25 Nov
  date(us) {
    return this.day.format(this.wall(us)).replace(",", "");
  }

  // Wed 25 Nov 2026
  longDate(us) {
    return `${this.date(us)} ${this.wall(us).getUTCFullYear()}`;
  }

  // The time alone when it is today, with the day before it otherwise.
  near(us, now_us) {
    const today = this.wall(us).toISOString().slice(0, 10) === this.wall(now_us).toISOString().slice(0, 10);
    return today ? this.clock(us) : `${this.date(us)} ${this.minute(us)}`;
  }
}
