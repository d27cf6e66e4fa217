"""The two laws as a model: what must be in the sources after an unfold, and in the target after a fold."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from pipelines.core.schema import TableName
from tests.laws.consolidations import Source
from tests.laws.edits import Done
from tests.laws.mappings import Follow, Rule
from tests.laws.reading import CANNOT, NULL, Homes, Said, back, read_homes, said, seen
from tests.laws.world import Key, Rows, World


@dataclass(frozen=True, slots=True)
class Counts:
    """What a verdict must count."""

    unchanged: int = 0
    edited: int = 0
    deleted: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """The folded tables at one moment: by source what stands at each place, whole rows, and children."""

    seen: Mapping[TableName, Said]
    back: Mapping[TableName, Mapping[Key, Mapping[str, str]]]
    target: Rows
    children: Mapping[TableName, Rows]


@dataclass(frozen=True, slots=True)
class Parting:
    """What the target said when its rows went home, where each is from, and what each said at home."""

    look: Look
    homes: Homes
    said: Mapping[TableName, Said]


@dataclass
class Model:
    """What is known of a world between its steps; `archived` and `said` are of the rows as they were last at home."""

    world: World
    homes: Homes = field(default_factory=dict)
    archived: Mapping[TableName, Rows] = field(default_factory=dict)
    said: Mapping[TableName, Said] = field(default_factory=dict)
    parting: Parting | None = None

    def read_sources(self) -> None:
        """Before a fold, and after an unfold."""
        self.archived = self.world.source_rows()
        with closing(self.world.surroundings.connect("test")) as connection:
            self.said = {s.table.name: said(connection, s) for s in self.world.case.sources}

    def look(self) -> Look:
        """What the target says now."""
        case = self.world.case
        with closing(self.world.surroundings.connect("test")) as connection:
            return Look(
                {s.table.name: seen(connection, case, s) for s in case.sources},
                {s.table.name: back(connection, case, s) for s in case.sources},
                self.world.target_rows(),
                self.world.child_rows(),
            )

    def follow(self, done: Done) -> None:
        """An edit of the target: where its rows are from now on."""
        if done.before is None or done.after is None or done.before == done.after:
            return
        for homes in self.homes.values():
            for key, home in homes.items():
                if home == done.before:
                    homes[key] = done.after
                elif home == done.after:
                    homes[key] = None  # another row took its place, so it is gone

    def counts(self, look: Look) -> Counts:
        """What a verdict must find."""
        rows = [
            self._fate(source, key, home, look)
            for source in self.world.case.sources
            for key, home in self.homes[source.table.name].items()
        ]
        return Counts(rows.count("unchanged"), rows.count("edited"), rows.count("deleted"))

    def _fate(self, source: Source, key: Key, home: Key | None, look: Look) -> str:
        if home is None or home not in look.target:
            return "deleted"
        return "edited" if any(True for _ in self._edited(source, key, home, look)) else "unchanged"

    def _edited(self, source: Source, key: Key, home: Key, look: Look) -> Iterator[Rule]:
        """The rules whose place was edited; a missing path says nothing."""
        there, own = look.seen[source.table.name][home], self.said[source.table.name][key]
        for rule in source.rules:
            value = there[rule.place]
            if value is not None and value != resolved(source, rule, own[rule.place], self.homes):
                yield rule

    def check_unfolded(self, look: Look, *, set_aside: bool) -> None:
        """Every row is home with its edits, and what nobody edited is as it was; then remember what was said."""
        actual = self.world.source_rows()
        homes: Homes = {}
        for source in self.world.case.sources:
            name, wanted = source.table.name, self._wanted(source, look)
            homes[name] = {}
            for old, row in wanted.items():
                key = _key_at_home(source, row, actual[name])
                homes[name][key] = self.homes[name][old]
                _check_row(source, key, actual[name][key], row, set_aside=set_aside)
            assert len(homes[name]) == len(wanted) == len(actual[name]), f"rows of {name}"
        self.read_sources()
        self.parting = Parting(look, homes, self.said)

    def _wanted(self, source: Source, look: Look) -> dict[Key, dict[str, tuple[str, ...]]]:
        """By its key as it was: each column's values that may go home, the edited one first."""
        return {
            key: self._row_wanted(source, key, home, look)
            for key, home in self.homes[source.table.name].items()
            if home is not None and home in look.target
        }

    def _row_wanted(self, source: Source, key: Key, home: Key, look: Look) -> dict[str, tuple[str, ...]]:
        old, new = self.archived[source.table.name][key], look.back[source.table.name].get(home, {})
        edited = {rule.column.name: rule for rule in self._edited(source, key, home, look)}
        return {
            c.name: (self._taken(source, edited[c.name], home, look, new), old[c.name])
            if c.name in edited
            else (old[c.name],)
            for c in source.table.written
        }

    def _taken(self, source: Source, rule: Rule, home: Key, look: Look, new: Mapping[str, str]) -> str:
        """An edited value as it goes home; a reference to a row that has another key at home is not known here."""
        return ANYTHING if isinstance(rule.how, Follow) else new.get(rule.column.name, CANNOT)

    def check_folded(self, *, touched: bool) -> None:
        """Every row is in the target once, as it was edited there, where its source says the same as then."""
        with closing(self.world.surroundings.connect("test")) as connection:
            self.homes = read_homes(connection, self.world.case)
        look = self.look()
        homes = [home for homes in self.homes.values() for home in homes.values()]
        assert len(set(homes)) == len(homes), "two rows with one home"
        assert {*homes} <= set(look.target), "a row without its home"
        for source in self.world.case.sources:
            name = source.table.name
            assert set(self.homes[name]) == set(self.archived[name]), "the row map is not what the source has"
            for key, home in self.homes[name].items():
                assert home is not None
                self._check_places(source, key, look.seen[name][home])
        if self.parting is not None and not touched:
            assert look.target == self.parting.look.target
            assert look.children == self.parting.look.children

    def _check_places(self, source: Source, key: Key, there: Mapping[tuple[str, ...], str | None]) -> None:
        for rule in source.rules:
            wanted = self._wanted_at(source, key, rule)
            assert there[rule.place] == wanted or wanted == ANYTHING, (
                source.table.name,
                key,
                rule.place,
                wanted,
                there,
            )

    def _wanted_at(self, source: Source, key: Key, rule: Rule) -> str | None:
        name = source.table.name
        word = resolved(source, rule, self.said[name][key][rule.place], self.homes)
        parting = self.parting
        if parting is None or key not in parting.homes[name]:
            return word
        then = resolved(source, rule, parting.said[name][key][rule.place], parting.homes)
        home = parting.homes[name][key]
        assert home is not None
        return parting.look.seen[name][home][rule.place] if then == word else word


ANYTHING = "(anything)"


def resolved(source: Source, rule: Rule, word: str | None, homes: Homes) -> str | None:
    """What a source says at a place; a reference to a row as the key which that row has in the target."""
    if not isinstance(rule.how, Follow) or word == NULL:
        return word
    assert word is not None
    reference = next(r for r in source.table.references if r.columns == (rule.column.name,))
    home = homes[reference.to].get((word,))
    return ANYTHING if home is None else home[0]


def _key_at_home(source: Source, row: Mapping[str, tuple[str, ...]], actual: Rows) -> Key:
    """The key under which a row is home: the edited one, or the old one where the edit was set aside."""
    candidates = [key for key in itertools.product(*(row[name] for name in source.table.key)) if key in actual]
    assert candidates, f"no row of {source.table.name} with one of the keys {[row[k] for k in source.table.key]}"
    return candidates[0]


def _check_row(
    source: Source, key: Key, actual: Mapping[str, str], row: Mapping[str, tuple[str, ...]], *, set_aside: bool
) -> None:
    for column, allowed in row.items():
        wanted = allowed if set_aside else allowed[:1]
        assert actual[column] in wanted or ANYTHING in wanted, (source.table.name, key, column, actual[column], allowed)
