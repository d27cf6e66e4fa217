// The charts' points by kind, one a step, bounded; time without any point is missing, never zero.

export const LIVE_S = 300;
const KEPT = LIVE_S + 30;

export class Series {
  constructor(step_s = 1) {
    this.step_s = step_s;
    this.kinds = new Map();
    this.reasons = [];
    this.newest_us = 0;
    this.version = 0;
  }

  // Points in any order, some of them known already: the newer word on a step counts.
  add(points) {
    for (const point of points) {
      const kind = point.kind ?? "other";
      let known = this.kinds.get(kind);
      if (!known) this.kinds.set(kind, (known = []));
      place(known, point);
      if (this.step_s === 1 && known.length > KEPT) known.splice(0, known.length - KEPT);
      if (point.at_us > this.newest_us) this.newest_us = point.at_us;
    }
    this.version += 1;
  }

  of(kind, from_us, to_us) {
    return (this.kinds.get(kind) ?? []).filter((point) => point.at_us >= from_us && point.at_us < to_us);
  }

  // The steps from..to that have a point of this kind, or of any kind when it is null.
  measured(kind, from_us, to_us) {
    const steps = new Set();
    for (const [name, points] of this.kinds) {
      if (kind !== null && name !== kind) continue;
      for (const { at_us } of points) if (at_us >= from_us && at_us < to_us) steps.add(this.step(at_us));
    }
    return steps;
  }

  step(at_us) {
    return Math.floor(at_us / (this.step_s * 1e6));
  }

  // Stretches without a point, as [from_us, to_us]; the step that is not over yet is not missing.
  missing(kind, from_us, to_us) {
    const measured = this.measured(kind, from_us, to_us);
    const found = [];
    for (let step = this.step(from_us); step < this.step(to_us); step += 1) {
      if (measured.has(step)) continue;
      const start = step * this.step_s * 1e6;
      const end = start + this.step_s * 1e6;
      const last = found.at(-1);
      if (last && last[1] === start) last[1] = end;
      else found.push([start, end]);
    }
    return found;
  }
}

function place(points, point) {
  let index = points.length;
  while (index > 0 && points[index - 1].at_us > point.at_us) index -= 1;
  if (index > 0 && points[index - 1].at_us === point.at_us) points[index - 1] = point;
  else points.splice(index, 0, point);
}
