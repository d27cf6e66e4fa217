// One request across kinds: each call as a bar from where it began to where it ended.

import { h } from "./dom.js";
import { count, duration, many, NBSP, sentence, size } from "./format.js";
import { icon } from "./icons.js";
import { kindClass } from "./store.js";

const MOST_LINES = 60;

export function view(answer, id, { narrow }) {
  if (!answer) return h("p", { class: "quiet" }, `Reading the request ${id} …`);
  if (answer.error) return h("p", { class: "bad" }, icon("octagon"), answer.error);
  const { trace } = answer;
  const lines = linesOf(trace.events);
  if (lines.length === 0) return h("p", { class: "quiet" }, `No event of the request ${id} is kept any more.`);
  const from_us = Math.min(...lines.map(({ from_us: from }) => from));
  const to_us = Math.max(...lines.map(({ to_us: to }) => to), from_us + 1);
  const place = (us) => ((us - from_us) / (to_us - from_us)) * 100;
  return h(
    "div",
    { class: "trace" },
    head(trace, id, (to_us - from_us) * 1000),
    h(
      "ol",
      { class: "bars" },
      !narrow &&
        h(
          "li",
          { class: "gridlines", "aria-hidden": "true" },
          [0, 25, 50, 75, 100].map((at) => h("i", { style: { left: `${at}%` } })),
        ),
      lines.slice(0, MOST_LINES).map((line, at) => row(line, at, place)),
    ),
    lines.length > MOST_LINES &&
      h("p", { class: "quiet" }, `${many(lines.length - MOST_LINES, "more line")} not drawn; the export has all.`),
    !narrow && axis((to_us - from_us) / 1000),
  );
}

function head({ events, duration_ns, sentence: words }, id, whole_ns) {
  const errors = events.filter(({ outcome }) => outcome === "error").length;
  const root = rootOf(events);
  const recovered = errors > 0 && root && root.outcome !== "error";
  return h(
    "header",
    null,
    h("b", null, `One request, ${many(events.length, "call")} in${NBSP}${duration(duration_ns ?? whole_ns)}`),
    words && h("span", { class: "quiet" }, sentence(words)),
    errors > 0 &&
      h("span", { class: "bad" }, icon("octagon"), `${many(errors, "error")}${recovered ? ", recovered" : ""}`),
    h("span", { class: "end quiet" }, "trace ", h("code", { class: "bare" }, id)),
  );
}

const start = ({ at_us, duration_ns }) => at_us - (duration_ns ?? 0) / 1000;

// The call that spans all others; without one the request has no root here.
function rootOf(events) {
  const sorted = events.toSorted((a, b) => start(a) - start(b) || b.at_us - a.at_us);
  const latest = Math.max(...events.map(({ at_us }) => at_us));
  return sorted[0] && sorted[0].at_us >= latest - 2_000 ? sorted[0] : null;
}

// The same call several times in a row, well behaved, is one line: db.query ×3.
function linesOf(events) {
  const root = rootOf(events);
  const sorted = events.toSorted((a, b) => start(a) - start(b) || b.at_us - a.at_us);
  const lines = [];
  for (const event of sorted) {
    const last = lines.at(-1);
    const same =
      last &&
      last.event !== root &&
      last.event.kind === event.kind &&
      last.event.name === event.name &&
      (event.outcome ?? "ok") === "ok" &&
      (last.event.outcome ?? "ok") === "ok";
    if (same) {
      last.events.push(event);
      last.to_us = Math.max(last.to_us, event.at_us);
      last.duration_ns = sum(last.duration_ns, event.duration_ns);
    } else {
      lines.push({
        event,
        events: [event],
        from_us: start(event),
        to_us: event.at_us,
        duration_ns: event.duration_ns ?? null,
        inner: root !== null && event !== root,
      });
    }
  }
  return lines;
}

const sum = (a, b) => (a === null && (b ?? null) === null ? null : (a ?? 0) + (b ?? 0));

function row({ event, events, from_us, to_us, duration_ns, inner }, at, place) {
  const left = place(from_us);
  const right = place(to_us);
  const words =
    event.outcome === "error" ? (event.error_type ?? "error") : events.length > 1 ? several(events) : annotation(event);
  const side = right - left > 45 ? "within" : left > 60 ? "before" : "after";
  return h(
    "li",
    { key: at, class: `${kindClass(event.kind)} ${inner ? "inner" : ""} is-${event.outcome ?? "ok"}` },
    h(
      "span",
      { class: "who" },
      h("span", { class: "swatch", "aria-hidden": "true" }),
      h("b", null, event.kind),
      ` ${event.name}`,
      events.length > 1 && `${NBSP}×${count(events.length)}`,
      event.outcome === "error" && h("span", { class: "unseen" }, " failed"),
    ),
    h(
      "span",
      { class: "lane" },
      h(
        "span",
        { class: "bar-of", style: { left: `${left.toFixed(2)}%`, width: `max(3px, ${(right - left).toFixed(2)}%)` } },
        side === "within" && h("span", { class: "words" }, words),
      ),
      side === "after" && h("span", { class: "words", style: { left: `calc(${right.toFixed(2)}% + 8px)` } }, words),
      side === "before" &&
        h("span", { class: "words", style: { right: `calc(${(100 - left).toFixed(2)}% + 8px)` } }, words),
    ),
    h("span", { class: "number" }, duration(duration_ns)),
  );
}

const several = (events) => [...new Set(events.map(annotation).filter(Boolean))].slice(0, 4).join(", ");

// What is worth knowing of a call beside its name: the table, the model with its tokens, the status.
function annotation({ attributes, size_bytes }) {
  const a = attributes ?? {};
  const tokens =
    a["gen_ai.usage.input_tokens"] !== undefined
      ? `, ${count(Number(a["gen_ai.usage.input_tokens"]))} tokens in, ${count(Number(a["gen_ai.usage.output_tokens"] ?? 0))} out`
      : "";
  if (a["gen_ai.request.model"]) return `${a["gen_ai.request.model"]}${tokens}`;
  const status = a["http.response.status_code"];
  return String(
    a["db.collection.name"] ??
      a["semaphore.name"] ??
      a["auth.method"] ??
      (status ? `status ${status}` : size_bytes ? size(size_bytes) : ""),
  );
}

function axis(ms) {
  const digits = ms < 10 ? 2 : ms < 100 ? 1 : 0;
  const words = (share) =>
    share === 0
      ? "0"
      : (ms * share).toLocaleString("en-AU", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return h(
    "div",
    { class: "bars-axis", "aria-hidden": "true" },
    h(
      "span",
      { class: "lane" },
      [0, 0.25, 0.5, 0.75, 1].map((share) =>
        h(
          "i",
          { class: share === 0 ? "first" : share === 1 ? "last" : "", style: { left: `${share * 100}%` } },
          share === 1 ? `${words(1)}${NBSP}ms` : words(share),
        ),
      ),
    ),
  );
}
