"""What lies around a fold: columns that seem to hold its keys, keys to its children, and who else reads its tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.core.findings import Finding, error, note, warning
from pipelines.core.fold import Fold
from pipelines.core.lens import SourceLens, Treatment
from pipelines.core.schema import TableName
from pipelines.core.spec import KeyMode

_PLAIN_KEY_NAMES = ("id", "uuid", "key", "code", "name")
_SHORTEST_WORD = 4


@dataclass(frozen=True, slots=True)
class LikelyKey:
    """A column without a foreign key that seems to hold keys of a source, one a value or, as an array, many."""

    source: TableName
    table: TableName
    column: str
    type: str
    is_array: bool = False


@dataclass(frozen=True, slots=True)
class KeyToChild:
    """A foreign key that references a column of a child whose values change."""

    table: TableName
    name: str
    child: TableName
    column: str


@dataclass(frozen=True, slots=True)
class StatementsSeen:
    """How many statements that the server remembers name a source."""

    source: TableName
    statements: int


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What the catalog says about the rest of the database."""

    likely_keys: tuple[LikelyKey, ...] = ()
    keys_to_children: tuple[KeyToChild, ...] = ()
    archived: tuple[TableName, ...] = ()  # relations that stand where a source would be archived
    api_roles: tuple[str, ...] = ()
    publications_of_all: tuple[str, ...] = ()  # FOR ALL TABLES
    statements: tuple[StatementsSeen, ...] = ()


def neighbour_findings(fold: Fold, found: Neighbours) -> Iterator[Finding]:
    """What to say about it."""
    for likely in found.likely_keys:
        yield _likely(fold, likely)
    for key in found.keys_to_children:
        where = f"{key.child}.{key.column}"
        message = f"foreign key {key.name} of {key.table} references {where}, whose values change"
        yield error("shared_column", where, message, "drop it first, and make it again afterwards")
    for place in found.archived:
        message = f"{place} is there already, where a source would be archived"
        yield error("archive", str(place), message, f"if it is from an earlier fold, pgfold rollback {fold.name} first")
    if found.api_roles:
        names = ", ".join(str(name) for name in fold.spec.source_names)
        message = f"role {found.api_roles[0]} is there, so PostgREST may serve {names}: the old names leave the API"
        yield warning("api", str(fold.lens.target.name), message, f"let its clients use {fold.lens.target.name.name}")
    for name in found.publications_of_all:
        message = f"publication {name} ships all tables, pgfold's own too: a subscriber that lacks them stops"
        yield warning("publication", name, message, "make schema pgfold's tables there, or name the tables to publish")
    for seen in found.statements:
        message = f"statements in pg_stat_statements still name {seen.source}: {seen.statements}"
        yield warning("statements", str(seen.source), message, "let the application use the target after the cut-over")


def _likely(fold: Fold, likely: LikelyKey) -> Finding:
    source = fold.lens.source(likely.source)
    where = f"{likely.table}.{likely.column}"
    kind = f"array {where} ({likely.type})" if likely.is_array else f"column {where}"
    message = f"{kind} seems to hold keys of {likely.source}, and no foreign key says so"
    if keeps_key(source):
        return note("likely_key", where, message, "they stay as they are")
    if likely.is_array:
        return warning(
            "likely_key", where, f"{message}: they would stay the old ones", "change them after the cut-over"
        )
    remedy = f"declare it in foreign_keys with references: {likely.source}, if it does"
    return warning("likely_key", where, f"{message}: they would stay the old ones", remedy)


def keeps_key(source: SourceLens) -> bool:
    """Whether its rows have the very same key in the target."""
    if source.spec.key is KeyMode.NEW:
        return False
    return all(source.rule(column.name).treatment is Treatment.SAME for column in source.key)


def likely_names(source: SourceLens) -> tuple[str, ...]:
    """Names that a column holding the source's key may have; none for a key of several columns."""
    if len(source.key) != 1:
        return ()
    table, key = source.name.name.lower(), source.key[0].name.lower()
    found = [f"{table}_id", f"{_singular(table)}_id"]
    return tuple(dict.fromkeys([*found, *([] if key in _PLAIN_KEY_NAMES else [key])]))


def likely_words(source: SourceLens) -> tuple[str, ...]:
    """Words of which an array's name has one where it may hold the source's keys."""
    if len(source.key) != 1:
        return ()
    words = [_singular(word) for word in source.name.name.lower().split("_")]
    return tuple(dict.fromkeys(word for word in words if len(word) >= _SHORTEST_WORD))


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word
