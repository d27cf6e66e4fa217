// The stretches of time that a reader can choose, and how fine their charts are.

export const RANGES = [
  { name: "live", label: "Live", title: "Last 5 minutes", length_s: 300, step_s: 1 },
  { name: "1h", label: "1\u00a0h", title: "Last hour", length_s: 3600, step_s: 10 },
  { name: "6h", label: "6\u00a0h", title: "Last 6 hours", length_s: 6 * 3600, step_s: 60 },
  { name: "24h", label: "24\u00a0h", title: "Last 24 hours", length_s: 24 * 3600, step_s: 300 },
  { name: "7d", label: "7\u00a0d", title: "Last 7 days", length_s: 7 * 86400, step_s: 3600 },
];

export const rangeNamed = (name) => RANGES.find((range) => range.name === name) ?? RANGES[0];
