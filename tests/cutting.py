"""A cut-over with an application beside it: what happens at a named moment is a function of the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from pipelines.core.checks import failed
from pipelines.core.fold import Fold
from pipelines.steps import cut_over, map_fields, verify
from pipelines.steps.cut_over import CutOver, Window
from pipelines.steps.map_fields import MapFields
from pipelines.steps.rebuild import rebuild_fold
from pipelines.steps.rows import keeping_tables
from pipelines.steps.session import Progress, Session
from pipelines.steps.verify import Verify
from tests.databases import Database
from tests.folding import Folding


def nothing(*_: object) -> None:
    """What an application does that does nothing."""


@dataclass(frozen=True, slots=True)
class Cutting:
    """A fold that is staged and verified, with the sources captured."""

    folding: Folding
    step: CutOver

    @property
    def database(self) -> Database:
        """The test's."""
        return self.folding.database

    @property
    def fold(self) -> Fold:
        """What is folded."""
        return self.step.fold

    def cut(
        self,
        *,
        caught_up: Callable[[], None] = nothing,
        once_inserted: Callable[[], None] = nothing,
        after_pass: Callable[[Progress], None] = nothing,
        between_tries: Callable[[float], None] = nothing,
        under_the_lock: Callable[[Window], None] = nothing,
    ) -> Window:
        """Cut over: `caught_up` is before its transaction, `once_inserted` when the rows are where nobody sees them."""

        def tell(progress: Progress) -> None:
            if progress.step == "catch_up":
                caught_up()
            elif progress.step == "cut_over":
                after_pass(progress)

        with self.session(tell, between_tries) as session:
            window = cut_over.apply(self.step, session, under_the_lock, once_inserted)
            cut_over.finish(self.step, session)
            session.execute_all(keeping_tables.drop_working_tables(self.fold))
        return window

    @contextmanager
    def session(
        self, tell: Callable[[Progress], None] = nothing, wait: Callable[[float], None] = nothing
    ) -> Iterator[Session]:
        """As the step has it."""
        with self.folding.session() as session:
            yield replace(session, tell=tell, wait=wait)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """As an application sees them."""
        return self.database.rows(query)


def staged(database: Database, text: str, *, meanwhile: Callable[[], None] = nothing, name: str = "things") -> Cutting:
    """Capture, stage, do something `meanwhile`, verify; every check must pass."""
    cutting = unverified(database, text, name=name)
    meanwhile()
    with cutting.session() as session:
        checks = verify.apply(Verify(cutting.fold), session)
    assert not failed(checks), failed(checks)
    return cutting


def unverified(database: Database, text: str, *, name: str = "things") -> Cutting:
    """Captured and staged."""
    folding = Folding(database, text, name)
    fold = rebuild_fold(folding.prepare())
    with folding.session() as session:
        step = MapFields(fold)
        since = map_fields.begin(step, session).since_xid
        map_fields.apply(step, session)
    return Cutting(folding, CutOver(fold, False, since))
