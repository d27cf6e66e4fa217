// Which stretch of time the charts show, and the points for it.

import { rangeNamed } from "./ranges.js";
import { Series } from "./series.js";

const LATE_US = 3_000_000; // a second's points come this late at most; then the time counts as missing

// {series, from_us, to_us, step_s, ready}; live follows the newest point, or the clock where no points come any more.
export function spanOf(state) {
  if (state.range !== "live") {
    const { ranged } = state;
    const { length_s, step_s } = rangeNamed(state.range);
    if (!ranged)
      return {
        series: new Series(step_s),
        from_us: state.now_us - length_s * 1e6,
        to_us: state.now_us,
        step_s,
        ready: false,
      };
    return { ...ranged, step_s: ranged.series.step_s, ready: true };
  }
  const { series, now_us } = state;
  const newest_us = Math.min(series.newest_us + 1_000_000, now_us);
  const to_us = newest_us < now_us - LATE_US ? Math.floor(now_us / 1e6) * 1e6 : newest_us;
  return { series, from_us: to_us - rangeNamed("live").length_s * 1e6, to_us, step_s: 1, ready: series.kinds.size > 0 };
}
