// The daemon's read API, from where this page itself came.

export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function get(path, parameters) {
  const address = parameters && String(parameters) ? `${path}?${parameters}` : path;
  let answer;
  try {
    answer = await fetch(address, { headers: { Accept: "application/json" }, cache: "no-store" });
  } catch {
    throw new ApiError(`${location.host} does not answer.`, 0);
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new ApiError(body.error ?? `${path} answered ${answer.status}.`, answer.status);
  return body;
}

export const page = () => get("api/page");

export function events(query, cursor, limit) {
  const parameters = new URLSearchParams(query);
  if (cursor !== null) parameters.set("cursor", cursor);
  parameters.set("limit", String(limit));
  return get("api/events", parameters);
}

export const stats = (from_us, to_us, step_s) =>
  get("api/stats", new URLSearchParams({ from: from_us, to: to_us, step: step_s, by: "kind" }));

export const marks = (from_us, to_us) => get("api/marks", new URLSearchParams({ from: from_us, to: to_us }));

export const trace = (id) => get(`api/traces/${encodeURIComponent(id)}`);

export function exportAddress(query, format) {
  const parameters = new URLSearchParams(query);
  parameters.set("format", format);
  return `api/export?${parameters}`;
}
