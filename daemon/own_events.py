"""Own events: the daemon is an application too, and records who was let in or turned away, and its configuration.

It begins with the first of them: a daemon that nobody has knocked at shows the applications' events alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import monitoring
from daemon.core import Core
from daemon.settings import Settings
from monitoring.calls import record_authentication, record_configuration
from monitoring.settings import read_settings

SERVICE = "pgfold-daemon"
_SELDOM_S = 0.1  # whoever knocks without end fills no history; all are counted in /metrics
_STOP_S = 2.0
_REASONS = {400: "token_misplaced", 401: "no_token", 403: "not_allowed", 421: "wrong_host"}


@dataclass(slots=True)
class OwnEvents:
    """Recorded as any application's, and sent to this daemon's own /ingest at `address`."""

    core: Core
    address: str
    clock: Callable[[], float] = time.monotonic
    _begun: bool = False
    _last: float = 0.0

    def authenticated(self, ok: bool, method: str, status: int | None = None) -> None:
        """Somebody was let in, or turned away with this status; of these at most ten a second are recorded."""
        now = self.clock()
        if not ok and now - self._last < _SELDOM_S:
            return
        self._last = self._last if ok else now
        if not self._begun:
            self._begin()
        record_authentication(ok, method=method, reason=None if status is None else _REASONS.get(status, "rejected"))

    def _begin(self) -> None:
        self._begun = True
        settings = self.core.settings
        spool = settings.history.parent / "spool"
        own = replace(read_settings({}), ingest_url=self.address, ingest_token=settings.ingest_token, spool=spool)
        monitoring.start(SERVICE, settings=own)
        record_configuration("environment", settings=len(Settings.__dataclass_fields__))

    async def stop(self) -> None:
        """Send what is left while there is an /ingest to send it to."""
        if self._begun:
            await asyncio.to_thread(monitoring.stop, _STOP_S)
