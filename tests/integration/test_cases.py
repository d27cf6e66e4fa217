"""Each folder of tests/cases: there, back, there again, edited, back, there, back, edited, there, dropped, and back.

`pytest tests/integration/test_cases.py --write-plans` writes the texts that are compared;
read what changed before you keep it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pipelines.core.plan_text import plan_lines
from pipelines.core.reconciliation import RollbackBlocked, RollbackOptions, Verdict
from pipelines.core.schema import TableName
from pipelines.core.undo_text import undo_lines
from pipelines.settings import Settings
from pipelines.steps.opening import surroundings_of
from tests.case_folders import Case, cases, without_what_varies
from tests.databases import Database, run_script
from tests.driving import Driver
from tests.dump import dump
from tests.dump_changes import changes, folded, read_dump, without_positions


@pytest.mark.parametrize("folder", cases(), ids=lambda folder: folder.name)
def test_both_laws_hold(
    folder: Path, new_database: Callable[..., Database], tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    case = Case(folder, writing=pytestconfig.getoption("--write-plans"))
    database = new_database(case.script("before.sql"))
    with surroundings_of(Settings(database.url, "public", tmp_path, "ada")) as surroundings:
        way = Way(case, database, Driver(surroundings, case.spec))
        way.plan()
        way.there_and_back_and_there()
        way.back_with_edits_and_there()
        way.back_and_there_with_edits_of_the_sources()
        way.dropped_and_back()
    story, verdicts = "\n\n".join(way.story), "\n\n".join(way.verdicts)
    assert story == case.expected("after.txt", story)
    assert verdicts == case.expected("blocked.txt", verdicts)


@dataclass(slots=True)
class Way:
    """What happens to one database, told in `story` and `verdicts`; the dumps are how it was folded and unfolded."""

    case: Case
    database: Database
    driver: Driver
    story: list[str] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)
    folded: str = ""
    unfolded: str = ""

    def plan(self) -> None:
        """Nothing is changed, and a person reads what the folder says."""
        self.unfolded = dump(self.database, with_own=True)
        text = without_what_varies("\n".join(plan_lines(self.driver.plan())))
        assert text == self.case.expected("plan.txt", text)
        assert dump(self.database, with_own=True) == self.unfolded
        self.unfolded = dump(self.database)

    def there_and_back_and_there(self) -> None:
        """GetPut: as it was before; and a second fold is the same as the first."""
        self._fold()
        self.folded = dump(self.database)
        self._tell("folded", folded(self.unfolded, self.folded))
        self._unfold()
        self._is_as_unfolded()
        self._fold()
        self._is_as_folded()

    def back_with_edits_and_there(self) -> None:
        """PutGet: the edits go home, and the target is as edited when it is folded again."""
        run_script(self.database.url, self.case.script("edits.sql"))
        self.folded = dump(self.database)
        before, verdict = self.unfolded, self._unfold()
        self.unfolded = dump(self.database)
        self._tell("edits.sql, unfolded", changes(before, self.unfolded))
        self._has_changed(before, verdict)
        self._fold()
        self._is_as_folded()

    def back_and_there_with_edits_of_the_sources(self) -> None:
        """Back it is as it was; what people then do to the sources is in the target at the next fold."""
        self._unfold()
        self._is_as_unfolded()
        run_script(self.database.url, self.case.script("unfolded_edits.sql"))
        self.unfolded = dump(self.database)
        self._fold()
        before, self.folded = self.folded, dump(self.database)
        self._tell("unfolded_edits.sql, folded", changes(before, self.folded))

    def dropped_and_back(self) -> None:
        """From the sealed backup, everything is as it was before that fold."""
        self.driver.drop()
        self._unfold()
        self._is_as_unfolded()

    def _fold(self) -> None:
        self.driver.fold()

    def _unfold(self) -> Verdict:
        """What the verdict says is what the rollback does; where it is blocked, what it proposes helps."""
        verdict = self.driver.verdict()
        if verdict.can_be_undone:
            self.driver.unfold()
            return verdict
        text = "\n".join(undo_lines(self.case.name, verdict))
        self.verdicts.append(f"# after {self.story[-1].splitlines()[0].removeprefix('# ')}\n{text}")
        before = dump(self.database)
        with pytest.raises(RollbackBlocked) as blocked:
            self.driver.unfold()
        assert blocked.value.verdict == verdict
        assert changes(before, dump(self.database)) == ""
        return self._unfold_as_proposed(text)

    def _unfold_as_proposed(self, text: str) -> Verdict:
        proposed = text.splitlines()[-1]
        options = RollbackOptions(set_aside="--set-aside" in proposed, accept_deletes="--accept-deletes" in proposed)
        if remedy := self.case.script("remedy.sql"):
            run_script(self.database.url, remedy)
            self.folded = dump(self.database)
        verdict = self.driver.verdict(options)
        assert verdict.can_be_undone
        self.driver.unfold(options)
        return verdict

    def _is_as_unfolded(self) -> None:
        assert changes(self.unfolded, (now := dump(self.database))) == ""
        assert now == self.unfolded

    def _is_as_folded(self) -> None:
        """But for sequences, which may have moved on: a value that was drawn and not used is only a gap."""
        (then, reached), (now, reaches) = (without_positions(text) for text in (self.folded, dump(self.database)))
        assert changes(then, now) == ""
        assert now == then
        assert all(reaches[name] >= position for name, position in reached.items())

    def _has_changed(self, before: str, verdict: Verdict) -> None:
        """The verdict counted the rows of the sources that changed, and no others did."""
        old, new = (self._rows_of_sources(text) for text in (before, self.unfolded))
        gone, come = (old - new).total(), (new - old).total()
        assert (gone, come) == (verdict.edited_rows + verdict.deleted, verdict.edited_rows + verdict.born)

    def _rows_of_sources(self, text: str) -> Counter[tuple[TableName, str]]:
        tables = {TableName.parse(name): found.rows for name, found in read_dump(text).tables.items()}
        return Counter((name, row) for name in self.driver.spec.source_names for row in tables[name])

    def _tell(self, title: str, text: str) -> None:
        self.story.append(f"# {title}\n{text}")
