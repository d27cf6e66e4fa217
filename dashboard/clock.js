// The server's clock as this page knows it, and how long an event takes from where it was recorded to the screen.

const BUCKET_MS = 30_000;

const local_ms = () => performance.timeOrigin + performance.now();

export class Clock {
  constructor() {
    this.best = null; // server minus local, from the message that was under way the shortest
    this.candidate = null;
    this.turned_ms = 0;
    this.delays = [];
  }

  // A message said this time when it was sent; the two newest half minutes count, so that a drifting clock is followed.
  observe(server_us) {
    const offset = server_us / 1000 - local_ms();
    if (this.candidate === null || offset > this.candidate) this.candidate = offset;
    if (this.best === null || offset > this.best) this.best = offset;
    if (performance.now() - this.turned_ms > BUCKET_MS) {
      this.best = this.candidate;
      this.candidate = offset;
      this.turned_ms = performance.now();
    }
  }

  now_us() {
    return Math.round((local_ms() + (this.best ?? 0)) * 1000);
  }

  // This event is on the screen now.
  painted(at_us) {
    const delay_ms = this.now_us() / 1000 - at_us / 1000;
    this.delays.push({ at_ms: performance.now(), delay_ms: Math.max(delay_ms, 0) });
    if (this.delays.length > 400) this.delays.splice(0, 200);
  }

  // The median of the last seconds in nanoseconds, or null when nothing came.
  delay_ns() {
    const since = performance.now() - 5_000;
    const recent = this.delays.filter(({ at_ms }) => at_ms > since).map(({ delay_ms }) => delay_ms);
    return recent.length ? recent.sort((a, b) => a - b)[recent.length >> 1] * 1e6 : null;
  }
}
