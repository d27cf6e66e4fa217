"""Both laws of a fold on random tables, mappings, rows and edits, in any order and as often as wanted.

GetPut: fold, unfold: every source row is back. PutGet: fold, edit the target, unfold, fold: every target row is back.
`pytest tests/laws --hypothesis-profile=long` looks for what the few examples of every day do not find.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from pipelines.core.reconciliation import KEEP_EDITS, RollbackBlocked, RollbackOptions, Verdict
from tests.databases import Templates
from tests.laws.consolidations import Consolidation
from tests.laws.drawing import consolidations
from tests.laws.edits import edits, make
from tests.laws.hand import explain_refusal
from tests.laws.model import Counts, Look, Model
from tests.laws.schemas import Table
from tests.laws.values import TYPES
from tests.laws.world import World

SET_ASIDE = RollbackOptions(set_aside=True)


class Laws(RuleBasedStateMachine):
    """`standing` is apart, folded or dropped; `touched` says whether anything was edited since that changed."""

    templates: Templates

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.standing, self.touched, self.refused = "apart", False, False
        self.edited_once = False  # the target was edited while it was folded

    @initialize(case=consolidations())
    def load(self, case: Consolidation) -> None:
        """A database of its own."""
        folder = Path(mkdtemp(prefix="pgfold-laws-"))
        self.stack.callback(shutil.rmtree, folder)
        note(case.spec_text)
        self.case, self.world = case, World(self.stack.enter_context(self.templates.clone(TYPES)), case, folder)
        self.world.load()
        self.model = Model(self.world)

    def teardown(self) -> None:
        """The database and its backups go."""
        self.stack.close()

    @precondition(lambda self: self.standing == "apart" and not self.refused)
    @rule()
    def fold(self) -> None:
        """What a plan accepts folds; what it refuses cannot be folded by hand either, and nothing is touched."""
        before, self.apart = self.world.dump(with_own=True), self.world.dump()
        self.model.read_sources()
        findings = self.world.fold()
        if findings:
            assert self.world.dump(with_own=True) == before
            explain_refusal(self.world, findings)
            self.refused = True
            return
        self.model.check_folded(touched=self.touched)
        self.standing, self.touched = "folded", False

    @precondition(lambda self: self.standing == "apart" and not self.refused)
    @rule(steps=st.integers(0, 3))
    def begin_and_give_up(self, steps: int) -> None:
        """A rollback before the cut-over leaves nothing behind."""
        before = self.world.dump()
        if not self.world.begin(steps):
            self.world.unfold(KEEP_EDITS)
            assert_equal_dumps(self.world.dump(), before)

    @precondition(lambda self: self.standing in ("folded", "dropped"))
    @rule(data=st.data())
    def edit_target(self, data: st.DataObject) -> None:
        """One to four edits of the target and of children."""
        for _ in range(data.draw(st.integers(1, 4), "edits")):
            table = data.draw(st.sampled_from((self.case.folded,) * 3 + self.case.folded_children), "table")
            self._edit(data, table)

    @precondition(lambda self: self.standing == "apart")
    @rule(data=st.data())
    def edit_apart(self, data: st.DataObject) -> None:
        """One to three edits of the sources, of the target's own rows, and of children."""
        self.refused = False
        for _ in range(data.draw(st.integers(1, 3), "edits")):
            sources = tuple(source.table for source in self.case.sources)
            table = data.draw(st.sampled_from((*sources, *sources, self.case.target, *self.case.children)), "table")
            self._edit(data, table)

    def _edit(self, data: st.DataObject, table: Table) -> None:
        paths = tuple((rule.to.name, rule.path) for source in self.case.sources for rule in source.rules if rule.path)
        on_target = table == self.case.folded
        rows = self.world.rows(table.name, table.key)
        edit = data.draw(edits(table, rows, paths=paths if on_target else ()), "edit")
        with closing(self.world.surroundings.connect("application")) as connection:
            done = make(connection, table, edit)
        if done is None:
            return
        self.touched = True
        if self.standing != "apart":
            self.edited_once = True
            if on_target:
                self.model.follow(done)

    @precondition(lambda self: self.standing in ("folded", "dropped"))
    @rule(set_aside=st.booleans())
    def unfold(self, set_aside: bool) -> None:
        """The verdict is what the rollback then does; every row is home, with its edits."""
        options, look = SET_ASIDE if set_aside else KEEP_EDITS, self.model.look()
        before = self.world.dump(with_own=True)
        verdict = self.world.verdict(options)
        assert_equal_dumps(self.world.dump(with_own=True), before)
        self._check_verdict(verdict, look, set_aside=set_aside)
        if not verdict.can_be_undone:
            self._is_blocked(options, verdict, before)
            return
        self.world.unfold(options)
        if not self.touched:
            assert_equal_dumps(self.world.dump(), self.apart)
        self.model.check_unfolded(look, set_aside=bool(verdict.aside))
        self.standing, self.touched = "apart", False

    def _check_verdict(self, verdict: Verdict, look: Look, *, set_aside: bool) -> None:
        assert not verdict.findings, verdict.findings
        assert not verdict.born
        if not self.edited_once:
            assert verdict.can_be_undone, verdict.blocked
        if not set_aside:
            assert Counts(verdict.unchanged, verdict.edited_rows, verdict.deleted) == self.model.counts(look)

    def _is_blocked(self, options: RollbackOptions, verdict: Verdict, before: str) -> None:
        with pytest.raises(RollbackBlocked) as blocked:
            self.world.unfold(options)
        assert blocked.value.verdict.obstacles == verdict.obstacles
        assert_equal_dumps(self.world.dump(with_own=True), before)

    @precondition(lambda self: self.standing == "folded")
    @rule()
    def drop(self) -> None:
        """Everything goes on as before, from the backup."""
        self.world.drop()
        self.standing = "dropped"


def assert_equal_dumps(now: str, before: str) -> None:
    """Equal, or only the lines that differ are shown."""
    if now != before:
        old, new = before.splitlines(), now.splitlines()
        gone, come = [x for x in old if x not in new], [x for x in new if x not in old]
        raise AssertionError("\n".join([*(f"- {x}" for x in gone), *(f"+ {x}" for x in come)]))


FEW = settings(max_examples=4, stateful_step_count=6, derandomize=True, database=None)


def test_laws(templates: Templates) -> None:
    """Both of them; the same few examples each time, unless more are asked for."""
    machine = type("OnThisServer", (Laws,), {"templates": templates})
    asked = settings() if settings.get_current_profile_name() == "long" else FEW
    run_state_machine_as_test(machine, settings=settings(asked, deadline=None, suppress_health_check=list(HealthCheck)))
