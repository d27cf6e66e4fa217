"""Who may see the rows: the target must not let anybody at them whom the source kept away."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipelines.core.findings import Finding, error, warning
from pipelines.core.fold import Fold
from pipelines.core.lens import SourceLens, Treatment
from pipelines.core.schema import Policy, Table
from pipelines.core.spec import Accept

_ON_COLUMNS = ("SELECT", "UPDATE")
_ON_ROWS = ("DELETE", "TRUNCATE")
_EVERYBODY = "public"
_COMMANDS = {"*": "all commands", "r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE"}


@dataclass(frozen=True, slots=True)
class Access:
    """A role that may do to the target what it may not do to a source."""

    role: str
    privilege: str
    columns: tuple[str, ...] = ()  # of the target; empty for the whole


def access_findings(fold: Fold) -> Iterator[Finding]:
    """Wider access by grants and by row security, and roles that lose theirs."""
    for source in fold.lens.sources:
        if source.spec.expect_empty:
            continue
        yield from _grants(fold, source)
        yield from _row_security(fold, source)
        yield from _lost(fold, source)


def _grants(fold: Fold, source: SourceLens) -> Iterator[Finding]:
    target = fold.schema[fold.lens.target.name]
    for access in (*_column_access(source, target), *_row_access(source, target)):
        if access.role == fold.schema.server.role:
            continue  # it acts as the owner of both
        columns = f" ({', '.join(access.columns)})" if access.columns else ""
        role = "everybody" if access.role == _EVERYBODY else f"role {access.role}"
        message = f"{role} may {access.privilege}{columns} on {target.name}, but not on {source.name}"
        yield _wider(fold, source, f"{target.name}", message, "revoke that")


def _column_access(source: SourceLens, target: Table) -> Iterator[Access]:
    for privilege in _ON_COLUMNS:
        for role in _grantees(target, privilege):
            wider = [
                rule.place.column
                for rule in source.rules
                if rule.place is not None
                and _may(target, role, privilege, rule.place.column)
                and not _may(source.table, role, privilege, rule.column.name)
            ]
            whole = len(wider) == sum(rule.place is not None for rule in source.rules)
            if wider:
                yield Access(role, privilege, () if whole else tuple(dict.fromkeys(wider)))


def _row_access(source: SourceLens, target: Table) -> Iterator[Access]:
    for privilege in _ON_ROWS:
        for role in _grantees(target, privilege):
            if not _may(source.table, role, privilege, None):
                yield Access(role, privilege)


def _grantees(table: Table, privilege: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(g.grantee for g in table.grants if g.privilege == privilege))


def _may(table: Table, role: str, privilege: str, column: str | None) -> bool:
    """By the table's own grants; whether the role has them through another one is not known here."""
    return role == table.owner or any(
        g.privilege == privilege and g.grantee in (role, _EVERYBODY) and g.column in (None, column)
        for g in table.grants
    )


def _row_security(fold: Fold, source: SourceLens) -> Iterator[Finding]:
    if not source.table.row_security:
        return
    target = fold.schema[fold.lens.target.name]
    if not target.row_security:
        if not _lets_everybody(source.table):
            message = f"{source.name} has row security, and {target.name} has none: every row could be seen there"
            yield _wider(fold, source, str(target.name), message, "give it such policies")
        return
    renamed = _renamed(source)
    own = [_comparable(policy, renamed) for policy in source.table.policies]
    for policy in target.policies:
        if policy.permissive and not any(_allows(o, _comparable(policy, {})) for o in own):
            message = f"policy {policy.name} of {target.name} allows {_COMMANDS[policy.command]}"
            message += _beyond(source, policy, renamed)
            yield _wider(fold, source, f"{target.name}.{policy.name}", message, "narrow it")
    theirs = [_comparable(policy, {}) for policy in target.policies]
    for policy in source.table.policies:
        if not policy.permissive and _comparable(policy, renamed) not in theirs:
            message = f"policy {policy.name} of {source.name} restricts, and {target.name} has none like it"
            yield _wider(fold, source, f"{source.name}.{policy.name}", message, "make it there")


def _beyond(source: SourceLens, policy: Policy, renamed: Mapping[str, str]) -> str:
    """In what it goes beyond the source's policy for the same command, where there is one."""
    near = next((p for p in source.table.policies if p.permissive and p.command == policy.command), None)
    if near is None:
        return f" where no policy of {source.name} does"
    own, theirs = _comparable(near, renamed), _comparable(policy, {})
    parts = [
        f"{word} {there or 'nothing'} instead of {here or 'nothing'}"
        for word, here, there in (("USING", own.using, theirs.using), ("WITH CHECK", own.check, theirs.check))
        if here not in ("true", there) and not (word == "WITH CHECK" and here is None)
    ]
    if _EVERYBODY not in own.roles and not theirs.roles <= own.roles:
        parts.append(f"for {', '.join(sorted(theirs.roles))} instead of {', '.join(sorted(own.roles))}")
    return f" beyond policy {near.name} of {source.name}: {'; '.join(parts)}"


def _lets_everybody(table: Table) -> bool:
    """A policy for all that is always true is no row security."""
    restricts = any(not policy.permissive for policy in table.policies)
    anybody = Comparable("*", True, frozenset((_EVERYBODY,)), "true", None)
    return not restricts and any(_allows(_comparable(policy, {}), anybody) for policy in table.policies)


@dataclass(frozen=True, slots=True)
class Comparable:
    """A policy without its name, its conditions over the target's columns."""

    command: str
    permissive: bool
    roles: frozenset[str]
    using: str | None
    check: str | None


def _comparable(policy: Policy, renamed: Mapping[str, str]) -> Comparable:
    return Comparable(
        policy.command,
        policy.permissive,
        frozenset(policy.roles),
        _with_names(policy.using, renamed),
        _with_names(policy.check, renamed),
    )


def _with_names(text: str | None, renamed: Mapping[str, str]) -> str | None:
    if text is None or not renamed:
        return text
    words = "|".join(re.escape(name) for name in sorted(renamed, key=len, reverse=True))
    return re.sub(rf"(?<![\w$.'])({words})(?![\w$('])", lambda found: renamed[found.group()], text)


def _renamed(source: SourceLens) -> dict[str, str]:
    return {
        rule.column.name: rule.place.column
        for rule in source.rules
        if rule.treatment is Treatment.SAME and rule.place is not None and rule.place.column != rule.column.name
    }


def _allows(own: Comparable, wanted: Comparable) -> bool:
    """Whether a policy of the source lets the same roles do the same."""
    roles = _EVERYBODY in own.roles or wanted.roles <= own.roles
    command = own.command in ("*", wanted.command)
    conditions = (own.using in ("true", wanted.using)) and (own.check in (None, "true", wanted.check))
    return own.permissive and roles and command and conditions


def _wider(fold: Fold, source: SourceLens, object: str, message: str, remedy: str) -> Finding:
    if Accept.WIDER_ACCESS in fold.spec.accept:
        return warning("wider_access", object, message, "accepted by the spec", source.spec.line)
    return error("wider_access", object, message, f"{remedy}, or accept: [wider_access]", source.spec.line)


def _lost(fold: Fold, source: SourceLens) -> Iterator[Finding]:
    target = fold.schema[fold.lens.target.name]
    lost: dict[str, list[str]] = {}
    for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE"):
        for role in _grantees(source.table, privilege):
            if role != fold.schema.server.role and not _may_any(target, role, privilege):
                lost.setdefault(role, []).append(privilege)
    for role, privileges in lost.items():
        whom = "everybody" if role == _EVERYBODY else f"role {role}"
        message = f"{whom} may {', '.join(privileges)} on {source.name}, but not on {target.name}: it loses the rows"
        yield warning("narrower_access", str(target.name), message, "grant it what it needs there", source.spec.line)


def _may_any(table: Table, role: str, privilege: str) -> bool:
    return role == table.owner or any(
        g.privilege == privilege and g.grantee in (role, _EVERYBODY) for g in table.grants
    )
