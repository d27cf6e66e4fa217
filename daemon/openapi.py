"""The read API described by itself: OpenAPI 3.1, its schemas made from the messages of monitoring/wire.py."""

from __future__ import annotations

from typing import Any

import msgspec

from monitoring.wire import (
    BackupsMessage,
    Calls,
    ErrorAnswer,
    EventsPage,
    Health,
    Mark,
    Migrations,
    Page,
    Semaphores,
    Sources,
    StatsAnswer,
    Trace,
)

_FILTERS = {
    "after": "events that ended at or after this: microseconds since 1970, or an ISO 8601 time with its offset",
    "before": "the same at or before; or the cursor `next` of the page before",
    "kind": "one or several, with commas or given again",
    "outcome": "ok, error, cancelled: one or several",
    "source": "labels: one or several",
    "trace_id": "32 hexadecimal digits",
    "q": "a text that a name, kind, source, error type or attribute contains, whatever its case",
}
_SPAN = {"from": "microseconds since 1970 or ISO 8601; without it an hour before `to`", "to": "the same; now"}
_PATHS: dict[str, tuple[str, object, dict[str, str]]] = {
    "/api/page": ("All that a page needs for its first paint", Page, {}),
    "/api/events": (
        "A page of events, newest first",
        EventsPage,
        {**_FILTERS, "limit": "1 to 2000; 200", "cursor": "`next` of the page before"},
    ),
    "/api/stats": (
        "Weighted counts, errors and percentiles over time",
        StatsAnswer,
        {**_SPAN, "step": "seconds a point", "by": "kind, name, source or outcome"},
    ),
    "/api/marks": ("Deploys and folds in a stretch of time", list[Mark], _SPAN),
    "/api/traces/{trace_id}": ("One request across kinds", Trace, {}),
    "/api/sources": ("Each process with its books", Sources, {}),
    "/api/migrations": ("Each fold", Migrations, {}),
    "/api/backups": ("The backups kept", BackupsMessage, {}),
    "/api/semaphores": ("Who holds what", Semaphores, {}),
    "/api/calls": ("Requests that became many calls", Calls, {}),
    "/api/health": ("Each component's health", Health, {}),
}
_JSON = "application/json"


def document(version: str) -> dict[str, Any]:
    """The whole description."""
    types = [ErrorAnswer, *(answer for _, answer, _ in _PATHS.values())]
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    answers = dict(zip(_PATHS, schemas[1:], strict=True))
    paths = {path: {"get": _operation(path, purpose, answers[path], parameters)}
             for path, (purpose, _, parameters) in _PATHS.items()}  # fmt: skip
    return {
        "openapi": "3.1.0",
        "info": {"title": "pgfold monitoring", "version": version},
        "paths": {**paths, "/api/export": {"get": _export()}},
        "components": {"schemas": components},
    }


def _operation(path: str, purpose: str, schema: dict[str, Any], parameters: dict[str, str]) -> dict[str, Any]:
    named = [_parameter(name, what, "query") for name, what in parameters.items()]
    if "{trace_id}" in path:
        named.append({**_parameter("trace_id", _FILTERS["trace_id"], "path"), "required": True})
    return {
        "summary": purpose,
        "parameters": named,
        "responses": {"200": _content(purpose, {_JSON: {"schema": schema}}), **_errors()},
    }


def _export() -> dict[str, Any]:
    text = {"schema": {"type": "string"}}
    asked = {"format": "jsonl or csv", **_FILTERS}
    return {
        "summary": "What a filter shows, oldest first, streamed",
        "parameters": [_parameter(name, what, "query") for name, what in asked.items()],
        "responses": {"200": _content("The file", {"application/x-ndjson": text, "text/csv": text}), **_errors()},
    }


def _parameter(name: str, what: str, place: str) -> dict[str, Any]:
    return {"name": name, "in": place, "description": what, "schema": {"type": "string"}}


def _content(what: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"description": what, "content": content}


def _errors() -> dict[str, Any]:
    schema = {_JSON: {"schema": {"$ref": "#/components/schemas/ErrorAnswer"}}}
    reasons = {"400": "The question cannot be answered as put", "401": "A token is needed",
               "503": "The history cannot be read now"}  # fmt: skip
    return {status: _content(what, schema) for status, what in reasons.items()}
