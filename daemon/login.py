"""Login: a form takes the token and answers with the page's cookie; the page itself needs one where a token is set."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs

from aiohttp import web

from daemon.page_files import PageFiles
from daemon.security import Access, Limits, Scope, asked_of, cookie_header, equal_token, issue_cookie, refuse
from daemon.web import error_answer

LOGIN = "login.html"
_WRONG_S = 0.5  # guessing is slow
_END = b"</form>"
_WRONG = b'<p role="alert">This is not the token.</p>'


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
        return self._form()

    async def take(self, request: web.Request) -> web.StreamResponse:
        """The form that was sent."""
        wanted = self._access.monitor_token
        if wanted is None:
            return _to_page()
        async with asyncio.timeout(self._limits.request_s):
            body = await request.read()
        given = parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0]
        if not equal_token(given, wanted):
            self._tell(False, "login", 401)
            await asyncio.sleep(_WRONG_S)
            return self._form(_WRONG)
        self._tell(True, "login", None)
        answer = _to_page()
        cookie = cookie_header(issue_cookie(wanted, datetime.now(UTC)), secure=request.secure)
        answer.headers.add("Set-Cookie", cookie)
        return answer

    def _form(self, message: bytes = b"") -> web.Response:
        """The form; what is said with it stands at its end."""
        found = self._files.find(LOGIN)
        if found is None:
            return error_answer(
                401, f"a token is needed, and {LOGIN} is missing: send MONITOR_TOKEN as Authorization: Bearer"
            )
        headers = {"Content-Type": found.media_type, "Cache-Control": "no-store"}
        return web.Response(body=found.body.replace(_END, message + _END), status=401, headers=headers)


def _to_page() -> web.Response:
    return web.Response(status=303, headers={"Location": "./", "Cache-Control": "no-store"})
