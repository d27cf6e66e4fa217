"""Who may speak to the daemon: tokens, the page's cookie, Origin and Host, and the headers of every answer.

All of it is pure: a request is given as an `Asked`, and the answer is None or a `Refusal` to send. No token is ever
part of a reason, of a log line or of `repr`.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from http.cookies import CookieError, SimpleCookie
from types import MappingProxyType
from urllib.parse import parse_qsl, unquote, urlsplit

COOKIE = "pgfold_monitor"
COOKIE_LASTS = timedelta(days=7)
SHORTEST_TOKEN = 16  # characters, where others than this machine can reach a port

_TELLING = 8  # characters
_LOOPBACK_NAMES = frozenset({"localhost", "localhost.localdomain", "ip6-localhost"})
_TOKEN_WORDS = frozenset({"token", "access_token", "auth", "authorization", "api_key", "apikey", "bearer",
                          "monitor_token", "ingest_token", "password"})  # fmt: skip
_PLAIN_HOST = re.compile(r"[0-9A-Za-z.-]+|\[[0-9A-Fa-f:.]+\]", re.ASCII)
_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})

HEADERS: Mapping[str, str] = MappingProxyType({
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
        " connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",  # with no-referrer a browser sends the login form with "Origin: null"
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
})  # fmt: skip


class Scope(Enum):
    """What a request wants to do, and so which token opens it."""

    READ = "MONITOR_TOKEN"
    INGEST = "INGEST_TOKEN"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may take, however it behaves; sizes in bytes, times in seconds."""

    message_bytes: int = 4 * 1024 * 1024  # one WebSocket message, one ingest body
    form_bytes: int = 4096  # the body of a login
    header_line_bytes: int = 8190
    headers: int = 64
    request_s: float = 10  # a whole request's head, and then its body, must have come by then
    connections: int = 12_000  # of one port; fewer where the process may open fewer files


@dataclass(frozen=True, slots=True)
class Access:
    """Who is let in: tokens (None asks for none) and origins beside the page's own, as `https://monitor.example.org`.

    `page_port` is where the page comes from: its origin differs from the WebSocket's port.
    """

    monitor_token: str | None = field(default=None, repr=False)
    ingest_token: str | None = field(default=None, repr=False)
    page_port: int = 8080
    origins: frozenset[str] = frozenset()
    only_loopback: bool = True

    def token(self, scope: Scope) -> str | None:
        """The token that opens it, None where none is asked for."""
        return self.monitor_token if scope is Scope.READ else self.ingest_token


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as far as security looks at it; header values are those of all headers of that name, in order."""

    method: str
    target: str = field(repr=False)  # path and query, as sent
    authorization: tuple[str, ...] = field(default=(), repr=False)
    cookies: tuple[str, ...] = field(default=(), repr=False)
    origin: str | None = None
    host: str | None = None
    upgrade: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is answered instead; a WebSocket that is open already is closed with `close_code`."""

    status: int
    reason: str
    close_code: int = 1008


def asked_of(method: str, target: str, headers: Iterable[tuple[str, str]]) -> Asked:
    """From a request's line and its headers, of which several may have one name."""
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value)
    origins = found.get("origin", [])
    return Asked(
        method=method.upper(),
        target=target,
        authorization=tuple(found.get("authorization", ())),
        cookies=tuple(found.get("cookie", ())),
        origin=origins[0] if len(origins) == 1 else ("several" if origins else None),
        host=found["host"][0] if len(found.get("host", [])) == 1 else None,
        upgrade=any("websocket" in value.lower() for value in found.get("upgrade", ())),
    )


def refuse(access: Access, asked: Asked, scope: Scope, now: datetime) -> Refusal | None:
    """Why the request is not answered; None where it is."""
    return (
        _refuse_host(access, asked)
        or _refuse_misplaced(access, asked)
        or _refuse_origin(access, asked)
        or _refuse_token(access, asked, scope, now)
    )


def equal_token(given: str, wanted: str) -> bool:
    """Compared in a time that says nothing about where they differ, nor how long the wanted one is."""
    digests = [hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest() for text in (given, wanted)]
    return hmac.compare_digest(*digests)


def issue_cookie(token: str, now: datetime) -> str:
    """The cookie's value: until when it opens the page, and a proof that only the token's holder could have made."""
    until = int((now + COOKIE_LASTS).timestamp())
    return f"{until}.{_proof(token, until)}"


def cookie_header(value: str, *, secure: bool) -> str:
    """The Set-Cookie header of a login; `secure` where the page came over TLS."""
    lasts = int(COOKIE_LASTS.total_seconds())
    return f"{COOKIE}={value}; Path=/; Max-Age={lasts}; HttpOnly; SameSite=Strict{'; Secure' if secure else ''}"


def cookie_opens(value: str, token: str, now: datetime) -> bool:
    """Whether the cookie was issued for this token and has not run out."""
    until, _, proof = value.partition(".")
    if not (until.isascii() and until.isdigit() and len(until) < 15):
        return False
    return hmac.compare_digest(proof.encode(), _proof(token, int(until)).encode()) and now.timestamp() < int(until)


def loggable(target: str) -> str:
    """The path alone: a query may hold what somebody put there by mistake."""
    return urlsplit(target).path[:200].encode("ascii", "backslashreplace").decode()


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address; a name that is not a loopback's own counts as reachable."""
    bare = host.strip("[]").rstrip(".").lower()
    if bare in _LOOPBACK_NAMES or bare.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


def listening_refusals(hosts: Iterable[str], access: Access) -> tuple[str, ...]:
    """Why the daemon must not start on these addresses, each a sentence with its remedy; empty where it may."""
    open_hosts = sorted({host or "every address" for host in hosts if not is_loopback(host)})
    if not open_hosts:
        return ()
    where = ", ".join(open_hosts)
    return tuple(_open_refusal(where, scope, access.token(scope)) for scope in Scope
                 if len(access.token(scope) or "") < SHORTEST_TOKEN)  # fmt: skip


def page_headers(asked: Asked, stream_port: int) -> dict[str, str]:
    """`HEADERS` for the page, which may also connect to its stream on another port of the host that was asked."""
    host = _host_name(asked.host) or "127.0.0.1"
    bare = f"[{host}]" if ":" in host else host
    stream = f"connect-src 'self' ws://{bare}:{stream_port} wss://{bare}:{stream_port}"
    plain = bool(_PLAIN_HOST.fullmatch(bare))  # nothing else may be written into a header
    policy = HEADERS["Content-Security-Policy"]
    return {**HEADERS, "Content-Security-Policy": policy.replace("connect-src 'self'", stream) if plain else policy}


def _proof(token: str, until: int) -> str:
    key = token.encode("utf-8", "surrogateescape")
    return hmac.new(key, f"pgfold page {until}".encode(), hashlib.sha256).hexdigest()


def _open_refusal(where: str, scope: Scope, token: str | None) -> str:
    what = "without" if not token else f"with a {scope.value} of fewer than {SHORTEST_TOKEN} characters as if without"
    purpose = "reads" if scope is Scope.READ else "writes"
    of = f" {scope.value}" if not token else ""
    return (
        f"listening on {where} {what}{of}, anybody who reaches it {purpose}: set {scope.value} to a long random text"
        f' (python -c "import secrets; print(secrets.token_urlsafe(32))"), or listen on 127.0.0.1'
    )


def _refuse_host(access: Access, asked: Asked) -> Refusal | None:
    """A page of another name that resolves to this machine would else read everything (DNS rebinding)."""
    host = _host_name(asked.host)
    if host is None:
        return Refusal(400, "the request needs exactly one Host header")
    if access.only_loopback and not is_loopback(host) and not any(_same_host(host, o) for o in access.origins):
        return Refusal(421, "this port answers as 127.0.0.1 or localhost only: use that address, or MONITOR_ORIGINS")
    return None


def _refuse_misplaced(access: Access, asked: Asked) -> Refusal | None:
    """A token in an address ends up in histories and logs of proxies: it is refused even where it is right."""
    named = {name.lower() for name, _ in parse_qsl(urlsplit(asked.target).query, keep_blank_values=True)}
    tokens = [token for token in (access.monitor_token, access.ingest_token) if token]
    long = [token for token in tokens if len(token) >= _TELLING]  # a short one may be part of any word
    within = any(token in unquote(asked.target) or token in asked.target for token in long)
    if within or named & _TOKEN_WORDS:
        return Refusal(400, "a token does not belong in an address: send it as Authorization: Bearer, and change it")
    return None


def _refuse_origin(access: Access, asked: Asked) -> Refusal | None:
    """Browsers send Origin with each WebSocket and POST; other programs send none, and hold no cookie of ours."""
    if not (asked.upgrade or asked.method in _CHANGING):
        return None
    if asked.origin is None:
        if _cookie(asked) is None:
            return None
        return Refusal(403, "a request with the page's cookie needs the Origin header that browsers send")
    if asked.origin in access.origins or _is_own_origin(access, asked):
        return None
    return Refusal(403, "this origin may not connect: open the page at its own address, or name it in MONITOR_ORIGINS")


def _is_own_origin(access: Access, asked: Asked) -> bool:
    try:
        parts = urlsplit(asked.origin or "")
        port = parts.port
    except ValueError:
        return False
    own_ports = {access.page_port} | ({_port(asked.host)} if not asked.upgrade else set())
    plain = parts.scheme in ("http", "https") and not (parts.path or parts.query or parts.fragment or parts.username)
    return plain and parts.hostname == _host_name(asked.host) and (port in own_ports)


def _refuse_token(access: Access, asked: Asked, scope: Scope, now: datetime) -> Refusal | None:
    wanted = access.token(scope)
    if wanted is None:
        return None
    if len(asked.authorization) > 1:
        return Refusal(400, "the request needs one Authorization header, not several")
    if asked.authorization:
        return _refuse_bearer(access, asked.authorization[0], scope, wanted)
    cookie = _cookie(asked) if scope is Scope.READ else None
    if cookie is not None and cookie_opens(cookie, wanted, now):
        return None
    return Refusal(401, f"a token is needed: send {scope.value} as Authorization: Bearer"
                        f"{', or log in on the page' if scope is Scope.READ else ''}")  # fmt: skip


def _refuse_bearer(access: Access, header: str, scope: Scope, wanted: str) -> Refusal | None:
    scheme, _, given = header.partition(" ")
    if scheme.lower() != "bearer":
        return Refusal(401, "the Authorization header must begin with Bearer")
    if equal_token(given.strip(), wanted):
        return None
    other = Scope.INGEST if scope is Scope.READ else Scope.READ
    known = access.token(other)
    if known is not None and equal_token(given.strip(), known):
        return Refusal(403, f"{other.value} does not open this: send {scope.value}")
    return Refusal(401, f"the token is not {scope.value}")


def _cookie(asked: Asked) -> str | None:
    for header in asked.cookies:
        try:
            found = SimpleCookie(header).get(COOKIE)
        except CookieError:
            continue
        if found is not None:
            return found.value
    return None


def _host_name(host: str | None) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname if host else None
    except ValueError:
        return None


def _port(host: str | None) -> int | None:
    try:
        return urlsplit(f"//{host}").port if host else None
    except ValueError:
        return None


def _same_host(host: str, origin: str) -> bool:
    try:
        return urlsplit(origin).hostname == host
    except ValueError:
        return False
