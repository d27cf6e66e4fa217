// The stream: open it, keep it, and after a break go on from the number after the last one seen.

import { PROTOCOL } from "./wire.js";

const STALE_MS = 3_500; // the daemon says something every second
const DEAD_MS = 15_000;
const WAITS_MS = [250, 500, 1_000, 2_000, 4_000];

export class Connection {
  // prepare(): what must be known before (throws when the daemon does not answer); gives the stream's address.
  // subscription(): {from, filter}; receive(message); changed(phase, reason, retryInMs).
  constructor({ prepare, subscription, receive, changed }) {
    Object.assign(this, { prepare, subscription, receive, changed });
    this.attempt = 0;
    this.socket = null;
    this.unanswered = 0;
    this.heard_ms = 0;
    this.timer = null;
    this.phase = null;
    setInterval(() => this.watch(), 500);
  }

  async open() {
    clearTimeout(this.timer);
    this.say(this.attempt ? "reconnecting" : "connecting", "");
    try {
      const address = await this.prepare();
      this.listen(new WebSocket(address));
    } catch (error) {
      this.retry(error.message);
    }
  }

  listen(socket) {
    this.socket = socket;
    this.unanswered = 0;
    this.heard_ms = performance.now();
    socket.onopen = () => this.subscribe();
    socket.onmessage = ({ data }) => this.hear(JSON.parse(data));
    socket.onclose = ({ reason }) => {
      if (this.socket !== socket) return;
      this.socket = null;
      this.retry(this.refused ?? reason ?? "");
    };
  }

  // Sent again it changes the filter: frames of the subscription before are ignored until this one is answered.
  subscribe() {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    const { from, filter } = this.subscription();
    this.unanswered += 1;
    this.socket.send(JSON.stringify({ type: "subscribe", protocol: PROTOCOL, from, filter }));
  }

  hear(message) {
    this.heard_ms = performance.now();
    if (message.type === "refused") this.refused = message.reason;
    if (message.type === "hello") {
      this.unanswered -= 1;
      this.attempt = 0;
      this.refused = undefined;
    }
    if (this.phase !== "connected" && message.type !== "refused") this.say("connected", "");
    if (this.unanswered > 0 && (message.type === "events" || message.type === "gap")) return;
    this.receive(message);
  }

  watch() {
    if (!this.socket) return;
    const silent_ms = performance.now() - this.heard_ms;
    if (silent_ms > DEAD_MS) {
      const socket = this.socket;
      this.socket = null;
      socket.close();
      this.retry("It stopped answering.");
    } else if (silent_ms > STALE_MS && this.phase === "connected") this.say("stale", "");
  }

  retry(reason) {
    const wait_ms = WAITS_MS[Math.min(this.attempt, WAITS_MS.length - 1)] * (0.75 + Math.random() / 2);
    this.attempt += 1;
    this.say("reconnecting", reason);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), wait_ms);
  }

  say(phase, reason) {
    if (this.phase === phase && !reason) return;
    this.phase = phase;
    this.changed(phase, reason);
  }
}
