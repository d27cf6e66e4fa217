"""One call each for what no library shows: authentication, configuration, connections, rejections, deploys."""

from __future__ import annotations

from monitoring.recorder import Attributes, event
from monitoring.wire import Direction

KINDS = {"ws": "websocket", "redis": "redis", "db": "supabase"}
"""The kinds of connections, by the word that their names begin with."""


def record_authentication(
    ok: bool, *, method: str, reason: str | None = None, started: float | None = None, service: str | None = None
) -> None:
    """Somebody was let in or turned away: `method` is how (token, cookie, password), `reason` why not; never who."""
    attributes: dict[str, str] = {"auth.method": method}
    if service is not None:
        attributes["auth.service"] = service
    outcome, error_type = ("ok", None) if ok else ("error", reason or "rejected")
    event("auth.check", "auth", "in", outcome, error_type, started, attributes=attributes)  # type: ignore[arg-type]


def record_configuration(name: str, *, settings: int | None = None, error: BaseException | str | None = None,
                         started: float | None = None) -> None:  # fmt: skip
    """Configuration was read, or could not be: `name` of the file or source, how many settings; never their values."""
    attributes: dict[str, str | int] = {"config.name": name}
    if settings is not None:
        attributes["config.settings"] = settings
    if error is None:
        event("config.loaded", "config", started=started, attributes=attributes)
    else:
        error_type = error if isinstance(error, str) else type(error).__qualname__
        event("config.loaded", "config", "none", "error", error_type, started, attributes=attributes)


def record_open(
    name: str, *, kind: str | None = None, direction: Direction = "out", started: float | None = None,
    error: BaseException | None = None, attributes: Attributes | None = None,
) -> None:  # fmt: skip
    """A connection was opened, or could not be: `name` is ws, redis, db or your own word."""
    error_type = None if error is None else type(error).__qualname__
    label = f"{name}.open" if error is None else f"{name}.connect"
    event(label, kind or KINDS.get(name, name), direction, "ok" if error is None else "error", error_type, started,
          attributes=attributes)  # fmt: skip


def record_close(
    name: str, *, kind: str | None = None, direction: Direction = "out", started: float | None = None,
    attributes: Attributes | None = None,
) -> None:  # fmt: skip
    """A connection that had been opened is closed; `started` is when it was opened."""
    event(f"{name}.close", kind or KINDS.get(name, name), direction, started=started, attributes=attributes)


def record_rejection(name: str, reason: str, *, kind: str | None = None) -> None:
    """A connection or request was turned away: `reason` is a word, for example rate_limited."""
    event(f"{name}.rejected", kind or KINDS.get(name, name), "in", "error", reason)


def record_deploy(version: str) -> None:
    """A version begins to serve; the page draws a mark."""
    event("deploy", "host", attributes={"service.version": version})
