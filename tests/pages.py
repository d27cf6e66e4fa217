"""A page of HTML as a tree, and what any page must keep: it is well formed, and its headings and tables can be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "br", "wbr", "col"}


@dataclass
class Element:
    """An element; text stands among its children."""

    tag: str
    attributes: dict[str, str | None] = field(default_factory=dict)
    children: list[Element | str] = field(default_factory=list)

    def walk(self) -> Iterator[Element]:
        """Itself and all below it, in document order."""
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.walk()

    def all(self, tag: str, class_: str = "") -> list[Element]:
        """The elements of that tag and class below it."""
        return [e for e in self.walk() if e.tag == tag and (not class_ or class_ in e.classes)]

    @property
    def classes(self) -> list[str]:
        """The words of its class."""
        return (self.attributes.get("class") or "").split()

    @property
    def text(self) -> str:
        """All text below it."""
        return "".join(child if isinstance(child, str) else child.text for child in self.children)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("#document")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, dict(attrs))
        assert len(made.attributes) == len(attrs), f"<{tag}> has an attribute twice"
        self.open[-1].children.append(made)
        if tag not in VOID:
            self.open.append(made)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def read_page(html: str) -> Element:
    """The page; a tag that is not closed, or an attribute that is there twice, fails."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert [e.tag for e in reader.open] == ["#document"]
    return reader.open[0]


def cells(table: Element) -> list[list[str]]:
    """The text of a table's body, row by row."""
    return [
        [e.text.replace("\u00a0", " ") for e in row.children if isinstance(e, Element)]
        for body in table.all("tbody")
        for row in body.all("tr")
    ]
