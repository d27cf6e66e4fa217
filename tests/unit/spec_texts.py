"""The least spec, and specs that differ from it in one thing."""

from __future__ import annotations

from textwrap import dedent, indent

LEAST = "type: pipelines.Consolidation\nattributes:\n  target: a\n  sources:\n    - table: b\n"


def with_source(rules: str) -> str:
    """A spec whose only source has these lines from line 6 on."""
    return LEAST + indent(dedent(rules), " " * 6)


def with_column(rule: str) -> str:
    """A spec whose only column rule is this, in line 7."""
    return with_source(f"columns:\n  c: {rule}\n")


def with_attribute(line: str) -> str:
    """A spec with this attribute, in line 6."""
    return f"{LEAST}  {line}\n"


def with_added(column: str) -> str:
    """A spec with this entry of add_columns, in line 6."""
    return with_attribute(f"add_columns: {{{column}}}")


def with_key(rule: str) -> str:
    """A spec with this rule for the foreign key of t (x), in line 6."""
    return with_attribute(f"foreign_keys: [{{table: t, columns: [x]{rule}}}]")
