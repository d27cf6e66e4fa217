"""Passes over the target until so little is left that it can be replayed while everybody waits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.core.errors import WritersOutrun
from pipelines.core.fold import Fold
from pipelines.core.schema import TableName
from pipelines.core.wording import counted, number
from pipelines.database.locks import NotNow, Patience, refuse_waiters
from pipelines.steps.rows import conflicts, fresh_rows, replay
from pipelines.steps.rows.replay import Pass
from pipelines.steps.session import Progress, Session, explained

# How long the replay under the lock may take, at the speed before it, which writers slow down: little at first, and
# more the longer the passes do not get there. With what else is done under the lock it stays below a tenth of a second.
REPLAY_S = (0.03, 0.07)
_FEW_KEYS = 50  # of a smaller pass the time says nothing about a key
_KEY_S = 0.0005  # until a pass was measured
_COUNTED_KEYS = 1_000_000
_LOCKED_PASSES = 5


@dataclass(slots=True)
class Passes:
    """What was replayed so far, and how fast; `tables` are those that will be locked."""

    fold: Fold
    refold: bool
    session: Session
    patience: Patience
    tables: Iterable[TableName]
    replayed: int = 0
    last: Pass | None = None

    def until_few(self) -> None:
        """Pass until what waits can be replayed while others wait, however many passes that takes within lock_wait.

        Raises:
            WritersOutrun: it took longer; nothing has changed.
            RuleViolated: a row references what is not there; nothing has changed.
        """
        began, passes = self.patience.clock(), 0
        while not self._is_few(waiting := self._count(), waited_s := self.patience.clock() - began):
            if waited_s >= self.patience.lock_wait_s:
                raise WritersOutrun(self._outrun(waiting, passes, waited_s))
            self.last = self._replay(locked=False)
            self.replayed += self.last.keys
            passes += 1
            self.session.tell(Progress("cut_over", self.replayed, None, f"{counted(self.last.keys, 'key')} replayed"))

    def between_tries(self, pause_s: float) -> None:
        """After a try for the lock that missed, without any lock: wait, and follow what was written.

        Raises:
            LockNotAvailable: somebody waits for this transaction, so that no further try can succeed.
        """
        self.session.wait(pause_s)
        self.until_few()
        self.refuse_waiters()

    def refuse_waiters(self) -> None:
        """See that no try will end in a deadlock.

        Raises:
            LockNotAvailable: it would.
        """
        with explained("see who waits for the rows that were written"):
            refuse_waiters(self.session.connection, self.tables)

    def under_the_lock(self) -> int:
        """Replay the last keys, each of which must find its place now; how many.

        Raises:
            NotNow: more was written while the lock was waited for than can be replayed while others wait.
        """
        waiting = self._count()
        if waiting * self._key_s > 1.2 * REPLAY_S[1]:
            raise NotNow(f"{counted(waiting, 'key')} changed before the lock was had: too many to replay under it")
        replayed = 0
        for _ in range(_LOCKED_PASSES):
            done = self._replay(locked=True)
            replayed += done.keys
            # a row that gives its place up lets another come, which the next pass writes
            if not done.changed_sides:
                return replayed
        raise NotNow("rows that stay behind changed sides again and again")

    def _replay(self, *, locked: bool) -> Pass:
        return replay.replay(self.fold, self.session, refold=self.refold, locked=locked)

    def _count(self) -> int:
        counted = self.session.together(fresh_rows.count_waiting(self.fold, _COUNTED_KEYS))
        return sum(cursor.fetchall()[0][0] for cursor in counted)

    def _is_few(self, waiting: int, waited_s: float) -> bool:
        if self.last is None and conflicts.skipping(self.fold):
            return False  # who stays behind is decided before the lock, where every row can be looked at
        least, most = REPLAY_S
        allowed_s = least + (most - least) * min(waited_s / self.patience.lock_wait_s, 1.0)
        return waiting * self._key_s <= allowed_s

    @property
    def _key_s(self) -> float:
        return self.last.seconds / max(self.last.keys, _FEW_KEYS) if self.last else _KEY_S

    def _outrun(self, waiting: int, passes: int, waited_s: float) -> str:
        sources = ", ".join(str(source.name) for source in self.fold.lens.sources)
        speed = number(round(1 / self._key_s))
        left = self.last.waiting if self.last else 0
        found = f", {number(left)} of them since they find no place in the target or do not read back" if left else ""
        return (
            f"{sources}: written faster than the fold can follow: after {counted(passes, 'pass', 'passes')} in"
            f" {waited_s:.0f} s, {counted(waiting, 'changed key')} still wait{found}, and {speed} a second"
            " can be replayed; nothing was changed: run it again when fewer rows are written, or raise lock_wait"
        )
