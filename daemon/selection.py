"""Selection: which events somebody wants to see; the same words mean the same in the stream, the API and an export."""

from __future__ import annotations

from dataclasses import dataclass

from monitoring.wire import Event, Filter

_HEX = frozenset("0123456789abcdef")
TRACE_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Selection:
    """None lets everything through; `text` is casefolded; times are inclusive; hashable, so that clients share one."""

    kinds: frozenset[str] | None = None
    outcomes: frozenset[str] | None = None
    sources: frozenset[str] | None = None
    text: str | None = None
    trace_id: str | None = None
    after_us: int | None = None
    before_us: int | None = None

    def passes(self, event: Event, source: str) -> bool:
        """Whether the event is wanted."""
        if self.kinds is not None and event.kind not in self.kinds:
            return False
        if self.outcomes is not None and event.outcome not in self.outcomes:
            return False
        if self.sources is not None and source not in self.sources:
            return False
        if self.trace_id is not None and event.trace_id != self.trace_id:
            return False
        if self.after_us is not None and event.at_us < self.after_us:
            return False
        if self.before_us is not None and event.at_us > self.before_us:
            return False
        return self.text is None or contains(event, source, self.text)


EVERYTHING = Selection()


def selection_of(wanted: Filter) -> Selection:
    """From a subscription."""
    kinds, outcomes, sources = (None if part is None else frozenset(part)
                                for part in (wanted.kinds, wanted.outcomes, wanted.sources))  # fmt: skip
    text, trace_id = split_text(wanted.text)
    return Selection(kinds, outcomes, sources, text, trace_id)


def split_text(text: str | None) -> tuple[str | None, str | None]:
    """What a person typed: a text to find, or a whole trace id."""
    folded = (text or "").strip().casefold()
    if len(folded) == TRACE_LENGTH and _HEX.issuperset(folded):
        return None, folded
    return folded or None, None


def words_of(event: Event, source: str) -> list[str]:
    """The strings of an event that a text is looked for in."""
    words = [event.name, event.kind, source]
    if event.error_type:
        words.append(event.error_type)
    if event.attributes:
        words.extend([value for value in event.attributes.values() if type(value) is str])
    return words


def contains(event: Event, source: str, folded: str) -> bool:
    """Whether one of its strings contains the casefolded text."""
    return any(folded in word.casefold() for word in words_of(event, source))
