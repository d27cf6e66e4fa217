// The flags of deploys, folds and cut-overs above the plots.

import { h } from "./dom.js";

const CHARACTER = 6.3;
const ROWS = 2;
const SAME = 24; // pixels within which marks of the same words are one

// Each flag in the first row where it does not lie on another; without room its line stays.
export function flags(marks, { x, left, right, width }, { zone, narrow }) {
  const ends = new Array(ROWS).fill(-Infinity);
  const last = {};
  return marks
    .toSorted((a, b) => a.at_us - b.at_us)
    .flatMap((mark) => {
      const at = x(mark.at_us);
      if (at < left - 1 || at > right + 1) return [];
      if (at - (last[mark.title] ?? -Infinity) < SAME) return []; // several processes of one deploy
      last[mark.title] = at;
      const words = label(mark, zone, narrow);
      const long = words.length * CHARACTER + (mark.kind === "cut_over" ? 20 : 4);
      const start = Math.max(
        0,
        mark.kind === "cut_over" ? Math.min(at - long / 2, width - long) : Math.min(at, width - long),
      );
      const row = ends.findIndex((end) => end + 6 < start);
      if (row < 0) return [];
      ends[row] = start + long;
      return [
        h(
          "span",
          {
            class: `flag ${mark.kind}`,
            key: `${mark.at_us} ${mark.title}`,
            style: { left: `${start.toFixed(0)}px`, bottom: `${row * 18}px` },
          },
          words,
        ),
      ];
    });
}

function label({ title, kind, at_us }, zone, narrow) {
  if (narrow) return title.split(" ")[0].slice(0, 12);
  return kind === "cut_over" ? `${title} ${zone.clock(at_us)}` : title;
}
