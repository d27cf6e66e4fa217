"""Page files: the dashboard's files, and nothing else that lies on this machine."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from daemon.web import error_answer

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
INDEX = "index.html"


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file as it is sent; the tag changes with its content."""

    body: bytes
    tag: str
    media_type: str


class PageFiles:
    """Serves one folder; a file is read again where it has changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._read: dict[Path, tuple[tuple[int, int], PageFile]] = {}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """The file at the path asked for; / is the page."""
        found = self.find(request.match_info.get("path") or INDEX)
        if found is None:
            return error_answer(404, "there is nothing at this path")
        return file_answer(request, found)

    def find(self, path: str) -> PageFile | None:
        """A file below the folder, by a path of plain names; None where there is none such."""
        names = path.split("/")
        if any(not name or name.startswith(".") or not _PLAIN.issuperset(name) for name in names):
            return None
        file = self._folder.joinpath(*names)
        media_type = _TYPES.get(file.suffix)
        if media_type is None or not file.resolve().is_relative_to(self._folder):
            return None
        try:
            return self._current(file, media_type)
        except OSError:
            return None

    def _current(self, file: Path, media_type: str) -> PageFile:
        status = file.stat()
        stamp = (status.st_mtime_ns, status.st_size)
        known = self._read.get(file)
        if known is None or known[0] != stamp:
            body = file.read_bytes()
            tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            known = self._read[file] = (stamp, PageFile(body, tag, media_type))
        return known[1]


def file_answer(request: web.Request, found: PageFile) -> web.Response:
    """The file, or that the client has it already."""
    headers = {"ETag": found.tag, "Cache-Control": "no-cache"}
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")]
    if found.tag in known:
        return web.Response(status=304, headers=headers)
    return web.Response(body=found.body, headers={**headers, "Content-Type": found.media_type})
