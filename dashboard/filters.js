// Which events the reader wants: the same words for the stream, the history and the export.

export const EVERYTHING = { off: [], outcome: null, sources: [], text: "" };

export const isFiltering = (filter) =>
  filter.off.length > 0 || filter.outcome !== null || filter.sources.length > 0 || filter.text !== "";

// As the stream takes it; kinds are named positively, so a kind seen later means asking anew.
export function streamFilter(filter, kinds) {
  const wanted = {};
  if (filter.off.length) wanted.kinds = kinds.filter((kind) => !filter.off.includes(kind));
  if (filter.outcome) wanted.outcomes = [filter.outcome];
  if (filter.sources.length) wanted.sources = filter.sources;
  if (filter.text) wanted.text = filter.text;
  return wanted;
}

// As the history and the export take it.
export function query(filter, kinds, from_us) {
  const wanted = new URLSearchParams();
  if (filter.off.length) {
    const on = kinds.filter((kind) => !filter.off.includes(kind));
    for (const kind of on.length ? on : [NO_KIND]) wanted.append("kind", kind);
  }
  if (filter.outcome) wanted.append("outcome", filter.outcome);
  for (const source of filter.sources) wanted.append("source", source);
  if (filter.text) wanted.append("q", filter.text);
  if (from_us !== null) wanted.append("after", String(from_us));
  return wanted;
}

const NO_KIND = "-"; // every kind is switched off: a name that none has
