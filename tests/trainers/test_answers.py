"""What counts as a label in a free answer."""

from __future__ import annotations

import itertools

import pytest

from trainers.answers import LabelReader, is_whole

EMOTIONS = ("happy", "sad", "not sure", "Très content")


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        *((form, "happy") for form in ("happy", " happy", "Happy", "HAPPY.", '"happy"', "'Happy!'", "\n happy\nsad")),
        *((form, "not sure") for form in ("Not sure.", "**not sure**", "\N{LEFT DOUBLE QUOTATION MARK}not sure,")),
        ("TRÈS CONTENT", "Très content"),
        *((form, None) for form in ("happy and sad", "happily", "hap", "un happy", "", " \n ", "...", "not  sure")),
        *((form, None) for form in ("happy, sad", "The answer is happy", "happysad")),
    ],
)
def test_the_first_line_without_what_stands_around_it_in_any_case(answer: str, label: str | None) -> None:
    found = LabelReader.of(EMOTIONS).label_of(answer)
    assert (None if found is None else EMOTIONS[found]) == label


def test_labels_that_differ_in_little_are_read_to_the_letter() -> None:
    reader = LabelReader.of(("c", "C", "c++", "+", ":)"))
    assert [reader.label_of(text) for text in ("c", " C\n", "c++", "+", ":)")] == [0, 1, 2, 3, 4]
    assert [reader.label_of(text) for text in ("c.", "C++", ":(", '"c"')] == [None] * 4


def test_what_is_said_to_be_outside_never_becomes_a_label() -> None:
    """Against all answers of a small alphabet: a beginning is closed only if nothing behind it makes a label."""
    reader = LabelReader.of(("a", "ab", "b c", "(b)"))
    answers = ["".join(signs) for length in range(6) for signs in itertools.product("aB .(", repeat=length)]
    labels = {answer for answer in answers if reader.label_of(answer) is not None}
    closed = [answer for answer in answers if not reader.is_open(answer)]
    assert closed and labels
    assert not any(label.startswith(tuple(closed)) for label in labels)
    beginnings = {answer for answer in answers if any(label.startswith(answer) for label in labels)}
    assert all(map(reader.is_open, beginnings))
    assert not any(map(reader.is_open, ("x", "aba", "a b", "b cd", "(b) a")))


def test_half_a_character_is_open() -> None:
    assert LabelReader.of(("é",)).is_open(" \N{REPLACEMENT CHARACTER}")


def test_a_line_ends_where_another_begins() -> None:
    assert is_whole(" happy\n") and is_whole("\nhappy\nsad") and is_whole("happy\r")
    assert not is_whole("\n\n") and not is_whole("happy ") and not is_whole("")
