"""Login: a form takes the token and answers with the page's cookie; the page itself needs one where a token is set."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs

from aiohttp import web

from daemon.page_files import PageFiles, file_answer
from daemon.security import Access, Limits, Scope, asked_of, cookie_header, equal_token, issue_cookie, refuse

LOGIN = "login.html"
_WRONG_S = 0.5  # guessing is slow
_FORM = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>pgfold monitoring</title><link rel="stylesheet" href="theme.css"><link rel="stylesheet" href="page.css"></head>
<body><main><h1>pgfold monitoring</h1><form method="post" action="login"><p><label>MONITOR_TOKEN
<input type="password" name="token" autocomplete="current-password" required autofocus></label>
<button>Open</button></p></form>{message}</main></body></html>
"""


class Login:
    """Who holds the token gets the page."""

    def __init__(self, access: Access, files: PageFiles, limits: Limits, tell: Callable[[bool, str, int | None], None]
                 ) -> None:  # fmt: skip
        self._access, self._files, self._limits, self._tell = access, files, limits, tell

    async def page(self, request: web.Request) -> web.StreamResponse:
        """The page, or the form."""
        asked = asked_of(request.method, request.raw_path, request.headers.items())
        if refuse(self._access, asked, Scope.READ, datetime.now(UTC)) is None:
            return await self._files.serve(request)
        found = self._files.find(LOGIN)
        return file_answer(request, found) if found is not None else _form("", 401)

    async def take(self, request: web.Request) -> web.StreamResponse:
        """The form that was sent."""
        wanted = self._access.monitor_token
        if wanted is None:
            return _to_page()
        body = await _body(request, self._limits)
        given = parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0]
        if not equal_token(given, wanted):
            self._tell(False, "login", 401)
            await asyncio.sleep(_WRONG_S)
            return _form("<p role=alert>This is not the token.</p>", 401)
        self._tell(True, "login", None)
        answer = _to_page()
        cookie = cookie_header(issue_cookie(wanted, datetime.now(UTC)), secure=request.secure)
        answer.headers.add("Set-Cookie", cookie)
        return answer


async def _body(request: web.Request, limits: Limits) -> bytes:
    async with asyncio.timeout(limits.request_s):
        return await request.content.read(limits.form_bytes)


def _form(message: str, status: int) -> web.Response:
    return web.Response(text=_FORM.format(message=message), status=status, content_type="text/html",
                        headers={"Cache-Control": "no-store"})  # fmt: skip


def _to_page() -> web.Response:
    return web.Response(status=303, headers={"Location": "./", "Cache-Control": "no-store"})
