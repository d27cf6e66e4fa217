"""HTML and SVG from parts: whatever is not markup already is escaped, so that no value can become any."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from pipelines.core.wording import visible

_VOID = frozenset({"meta", "br", "wbr", "col"})


class Markup(str):
    """Text that is markup already; only this module and static style sheets make it."""

    __slots__ = ()


Child = str | None  # a plain str is text; None is left out
Attribute = str | int | float | bool | None


def text(content: str) -> Markup:
    """Plain text as markup; control and direction characters are written out, line breaks and tabs stay."""
    return Markup(escape(visible(content, keep="\n\t")))


def joined(children: Iterable[Child]) -> Markup:
    """Children in order, text escaped."""
    return Markup("".join(c if isinstance(c, Markup) else text(c) for c in children if c is not None))


def element(tag: str, *children: Child, **attributes: Attribute) -> Markup:
    """One element; `class_` is class, `aria_label` aria-label, None and False leave an attribute out."""
    opened = f"<{tag}{''.join(_attribute(name, value) for name, value in attributes.items())}>"
    return Markup(opened if tag in _VOID else f"{opened}{joined(children)}</{tag}>")


def style(css: str) -> Markup:
    """A style element; its text is raw, so it must come from a style sheet of ours.

    Raises:
        ValueError: the text would end the element.
    """
    if "</" in css:
        raise ValueError("a style sheet must not hold '</'")
    return Markup(f"<style>{css}</style>")


def _attribute(name: str, value: Attribute) -> str:
    shown = name.rstrip("_").replace("_", "-")
    match value:
        case None | False:
            return ""
        case True:
            return f" {shown}"
        case float():
            return f' {shown}="{value:.1f}"'.replace('.0"', '"')
        case _:
            return f' {shown}="{text(str(value))}"'
