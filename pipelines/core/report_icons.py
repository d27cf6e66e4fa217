"""The icons of states; each stands beside a word and a colour, never alone."""

from __future__ import annotations

from pipelines.core.markup import Markup, element
from pipelines.core.report import Status

_SHAPES = {
    Status.OK: (
        element("circle", cx=10, cy=10, r=8, class_="line"),
        element("path", d="M6.4 10.3l2.5 2.5 4.8-5.2", class_="line"),
    ),
    Status.WARN: (
        element("path", d="M10 2.6l8 14.2H2z", class_="line"),
        element("path", d="M10 7.6v4.4M10 14.2v.4", class_="line"),
    ),
    Status.FAILED: (
        element("path", d="M6.5 1.8h7l4.7 4.7v7l-4.7 4.7h-7l-4.7-4.7v-7z", class_="solid"),
        element("path", d="M7.2 7.2l5.6 5.6M12.8 7.2l-5.6 5.6", class_="cross"),
    ),
    Status.UNKNOWN: (
        element("circle", cx=10, cy=10, r=8, class_="line dashed"),
        element("path", d="M7.9 8a2.1 2.1 0 1 1 3.1 1.9c-.7.4-1 .8-1 1.6M10 13.8v.3", class_="line"),
    ),
}
_WORDS = {Status.OK: "ok", Status.WARN: "warning", Status.FAILED: "failed", Status.UNKNOWN: "unknown"}


def icon(status: Status, word: str | None = None) -> Markup:
    """The state's icon; `word` is read out in its place where another fits better than the state's own."""
    return element(
        "svg",
        *_SHAPES[status],
        viewBox="0 0 20 20",
        class_=f"icon {status}",
        role="img",
        aria_label=word or _WORDS[status],
    )
