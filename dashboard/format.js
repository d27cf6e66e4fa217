// Numbers, durations, sizes and times as a person reads them; a number and its unit never part at a line's end.

export const NBSP = "\u00a0";
export const NONE = "–";

const whole = new Intl.NumberFormat("en-AU", { maximumFractionDigits: 0 });

export const count = (n) => (n === null || n === undefined ? NONE : whole.format(n));

export const many = (n, one, more = `${one}s`) => `${count(n)}${NBSP}${n === 1 ? one : more}`;

// A rate per second: small ones with a decimal, as 6.2 and 6.8 are different and 1,238.4 and 1,238.9 are not.
export function rate(perSecond) {
  if (perSecond === null || perSecond === undefined) return NONE;
  if (perSecond === 0) return "0";
  if (perSecond < 0.1) return "< 0.1";
  return perSecond < 20 ? perSecond.toFixed(1) : whole.format(perSecond);
}

// Errors in percent, without the sign.
export function percentage(share) {
  if (share === null || share === undefined) return NONE;
  const percent = share * 100;
  if (percent === 0) return "0.0";
  if (percent < 0.01) return "< 0.01";
  return percent < 0.1 ? percent.toFixed(2) : percent.toFixed(1);
}

export function duration(ns) {
  if (ns === null || ns === undefined) return NONE;
  const ms = ns / 1e6;
  if (ms < 0.1) return `${whole.format(Math.max(ns / 1e3, ns > 0 ? 1 : 0))}${NBSP}µs`;
  if (ms < 99.95) return `${ms.toFixed(1)}${NBSP}ms`;
  if (ms < 999.5) return `${ms.toFixed(0)}${NBSP}ms`;
  if (ms < 9995) return `${(ms / 1e3).toFixed(2)}${NBSP}s`;
  if (ms < 59950) return `${(ms / 1e3).toFixed(1)}${NBSP}s`;
  return stretch(ms / 1e3);
}

// The same without zeros after the point, where no column of them stands.
export const short = (ns) => duration(ns).replace(/\.0+(?=\u00a0)|(\.\d*[1-9])0+(?=\u00a0)/, "$1");

// A stretch of time in its two largest units: 4 min 50 s, 4 h 16 min, 9 days.
export function stretch(seconds) {
  const s = Math.round(seconds);
  if (s < 60) return `${s}${NBSP}s`;
  if (s < 3600) return pair(s, 60, "min", 1, "s");
  if (s < 86400) return pair(s, 3600, "h", 60, "min");
  if (s < 10 * 86400) return pair(s, 86400, s < 2 * 86400 ? "day" : "days", 3600, "h");
  return `${whole.format(s / 86400)}${NBSP}days`;
}

function pair(seconds, large, largeUnit, small, smallUnit) {
  const rest = Math.floor((seconds % large) / small);
  const first = `${Math.floor(seconds / large)}${NBSP}${largeUnit}`;
  return rest ? `${first}${NBSP}${rest}${NBSP}${smallUnit}` : first;
}

export function size(bytes) {
  if (bytes === null || bytes === undefined) return NONE;
  if (bytes < 1000) return `${bytes}${NBSP}B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes / 1000;
  while (value >= 999.5 && units.length > 1) {
    value /= 1000;
    units.shift();
  }
  return `${value < 9.95 ? value.toFixed(1) : whole.format(value)}${NBSP}${units[0]}`;
}

export function ago(then_us, now_us) {
  if (then_us === null || then_us === undefined) return "never";
  const seconds = (now_us - then_us) / 1e6;
  return seconds < 1.5 ? "now" : `${stretch(seconds)} ago`;
}

// Keep each number in a sentence with its unit, or with the word after it when that is short.
export const sentence = (text) =>
  (text ?? "").replace(/(\d) (?=(?:%|[µmn]?s|min|h|days?|[kMGT]?i?B|rows?)\b|%)/g, `$1${NBSP}`);

export const shortId = (id) => (id ?? "").slice(0, 8);
