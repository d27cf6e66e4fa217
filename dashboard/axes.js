// The ticks of a time axis, on round times of the wall's clock, and numbers on an axis.

const STEPS_S = [10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

export function axisTicks(from_us, to_us, zone, narrow) {
  const most = narrow ? 4 : 6;
  const span_s = (to_us - from_us) / 1e6;
  const step_s = STEPS_S.find((step) => span_s / step <= most) ?? 86400;
  const ticks = [];
  const offset_s = zone.offset(from_us / 1000) / 1000;
  let wall_s = Math.ceil((from_us / 1e6 + offset_s) / step_s) * step_s;
  for (; wall_s - offset_s <= to_us / 1e6; wall_s += step_s) {
    const at_us = (wall_s - offset_s) * 1e6;
    if (at_us >= from_us) ticks.push({ at_us, label: label(at_us, step_s, zone) });
  }
  return ticks;
}

function label(at_us, step_s, zone) {
  if (step_s >= 86400) return zone.date(at_us).split(" ").slice(0, 2).join(" "); // Mon 23
  return step_s < 60 ? zone.clock(at_us) : zone.minute(at_us);
}

// 0, 0.5, 12, 4 k, 1.2 M
export function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (value >= 1e6) return `${trimmed(value / 1e6)}\u00a0M`;
  if (value >= 1e3) return `${trimmed(value / 1e3)}\u00a0k`;
  return trimmed(value);
}

const trimmed = (value) =>
  String(Number(value < 1 ? value.toPrecision(2) : value < 100 ? value.toFixed(1) : value.toFixed(0)));
