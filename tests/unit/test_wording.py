"""Numbers with units, moments and names, as a person reads them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.core import wording
from pipelines.core.text_lines import labelled, wrapped

AEDT = timezone(timedelta(hours=11), "AEDT")
START = datetime(2026, 11, 24, 20, 12, 48, tzinfo=UTC)


@pytest.mark.parametrize(
    ("time_s", "said"),
    [
        (0, "0 ms"),
        (0.00004, "0.1 ms"),
        (0.0004, "0.4 ms"),
        (0.006, "6 ms"),
        (0.0994, "99 ms"),
        (0.0996, "0.1 s"),
        (31.24, "31.2 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 0 s"),
        (76, "1 min 16 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 0 min"),
        (7500, "2 h 5 min"),
        (86_399, "1 d 0 h"),
        (273_600, "3 d 4 h"),
    ],
)
def test_a_duration_has_the_unit_it_is_read_in(time_s: float, said: str) -> None:
    assert wording.duration(time_s) == said


def test_a_column_of_times_has_one_unit_below_a_minute() -> None:
    assert [wording.took(s) for s in (0, 0.02, 0.31, 9.06, 76)] == ["0.0 s", "0.0 s", "0.3 s", "9.1 s", "1 min 16 s"]


@pytest.mark.parametrize(
    ("size_bytes", "said"),
    [
        (0, "0 B"),
        (1023, "1,023 B"),
        (1024, "1 kB"),
        (49_152, "48 kB"),
        (1024 * 1024 - 1, "1 MB"),
        (331 * 2**20, "331 MB"),
        (int(1.24 * 2**30), "1.2 GB"),
        (5000 * 2**40, "5,000 TB"),
    ],
)
def test_a_size_counts_as_the_server_counts(size_bytes: int, said: str) -> None:
    assert wording.size(size_bytes) == said


def test_counts_have_their_noun() -> None:
    assert wording.counted(1, "row") == "1 row"
    assert wording.counted(1_496_716, "row") == "1,496,716 rows"
    assert wording.counted(0, "entry", "entries") == "0 entries"


def test_lists_are_sentences() -> None:
    assert [wording.listed("abc"[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]


def test_a_rate_has_three_figures() -> None:
    assert [wording.rate(r) for r in (0.44, 7.0, 52, 52_341, 1_234_567)] == [
        "0.4 rows/s",
        "7.0 rows/s",
        "52 rows/s",
        "52,300 rows/s",
        "1,230,000 rows/s",
    ]


def test_a_period_is_told_in_the_zone_of_the_reader() -> None:
    end = START + timedelta(minutes=4, seconds=3)
    assert wording.period(START, end, AEDT) == "Wed 25 Nov 2026, 07:12:48 to 07:16:51 AEDT"
    assert wording.period(START, START + timedelta(hours=6), UTC) == (
        "Tue 24 Nov 2026, 20:12:48 UTC to Wed 25 Nov 2026, 02:12:48 UTC"
    )


def test_a_grace_period_has_its_greatest_unit() -> None:
    spans = (timedelta(days=7), timedelta(hours=36), timedelta(minutes=90), timedelta(seconds=1), timedelta(0))
    assert [wording.span(s) for s in spans] == ["7 days", "36 hours", "90 minutes", "1 second", "0 seconds"]


def test_what_steers_a_terminal_is_written_out() -> None:
    assert wording.visible("a\x1b[31m\r\n\tb") == "a\\x1b[31m\\r\\n\\tb"
    assert wording.visible("evil\u202egnp.exe \u2066x") == "evil\\u202egnp.exe \\u2066x"
    assert wording.visible("\ufeff\ufffe\U000e0041") == "\\ufeff\\ufffe\\U000e0041"
    assert wording.visible("naïve 日本語 👩\u200d💻") == "naïve 日本語 👩\u200d💻"
    assert wording.visible("a\nb", keep="\n") == "a\nb"


@given(st.text())
def test_visible_text_holds_no_control_character(text: str) -> None:
    shown = wording.visible(text)
    assert not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 or 0x202A <= ord(c) <= 0x202E for c in shown)


def test_keys_hashes_and_digests_are_short_enough_to_compare() -> None:
    assert wording.short_key("8e07b1c4-52d9-4a6e-9d2f-7e1d2f0c9a11") == "8e07b1c4"
    assert wording.short_key("PHASE2-HIGH-001") == "PHASE2-HIGH-001"
    assert wording.short_hash("5b1e0c9a" + "0" * 50 + "e2d47f") == "5b1e0c9a…e2d47f"
    assert wording.grouped("9f3c81d207be4a65") == "9f3c 81d2 07be 4a65"
    assert wording.grouped("not a digest") == "not a digest"


def test_a_number_does_not_part_from_its_unit() -> None:
    assert wording.unbroken("2 rows, 6 ms") == "2\u00a0rows, 6\u00a0ms"


def test_lines_break_at_blanks_alone() -> None:
    assert wrapped("public.a_very_long_identifier_of_ours stays whole", 20, "  ", "    ") == [
        "  public.a_very_long_identifier_of_ours",
        "    stays whole",
    ]
    assert wrapped("", 20, "  ") == [""]


def test_wide_characters_take_two_columns() -> None:
    assert wording.width_of("日本e\u0301") == 5
    assert wording.padded("日本", 5) + "|" == "日本 |"


def test_labels_stand_beside_wrapped_text() -> None:
    assert labelled([("a:1", "one two three"), ("long:12", "four")], 20) == [
        "  a:1      one two",
        "           three",
        "  long:12  four",
    ]


@given(st.lists(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1)), st.integers(20, 100))
def test_wrapping_loses_no_word(words: list[str], width: int) -> None:
    lines = wrapped(" ".join(words), width, "  ", "    ")
    assert " ".join(lines).split() == words
    assert all(len(line) <= width or len(line.split()) == 1 for line in lines)
