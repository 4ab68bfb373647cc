"""Repetitive rows count once, whatever surrounds them; a sample of many agrees with the comparison of all pairs."""

from __future__ import annotations

import random

import pytest

from sweeper import near_duplicates
from sweeper.near_duplicates import Words, are_similar, different, exactly, words_of
from trainers.data import Example

WORDS = [f"w{number}" for number in range(3_000)]


def diverse(rows: int, rng: random.Random, words: int = 20) -> list[list[str]]:
    return [rng.sample(WORDS, words) for _ in range(rows)]


def changed(row: list[str], rng: random.Random) -> list[str]:
    place = rng.randrange(len(row))
    return [*row[:place], f"new{rng.randrange(10**9)}", *row[place + 1 :]]


def examples(rows: list[list[str]]) -> list[Example]:
    return [Example(" ".join(row), " yes") for row in rows]


def repeated(bases: int, times: int, rng: random.Random) -> list[list[str]]:
    rows = [changed(row, rng) for row in diverse(bases, rng) for _ in range(times)]
    rng.shuffle(rows)
    return rows


def test_two_thousand_repetitive_rows_are_five_hundred() -> None:
    found = different(examples(repeated(500, 4, random.Random(0))))
    assert found.exact and 495 <= found.rows <= 505


def test_different_rows_all_count() -> None:
    assert different(examples(diverse(2_000, random.Random(1)))).rows == 2_000


def test_a_template_makes_no_rows_alike() -> None:
    rows = diverse(200, random.Random(2), words=5)
    prompts = [f"Classify the following text as happy or sad. Text: {' '.join(row)}\n\nThe answer is:" for row in rows]
    assert different([Example(prompt, " happy") for prompt in prompts]).rows == 200
    assert words_of([Example(prompt, " happy") for prompt in prompts])[0] == {*rows[0], "happy"}


@pytest.mark.parametrize(
    ("prompts", "rows"),
    [
        (["one"], 1),
        (["one two three"] * 4, 1),
        (["One, two; three!", "one two three"], 1),
        (["a", "b", "c"], 3),
        (["!", "?", "a"], 2),
        ([], 0),
    ],
)
def test_small_cases(prompts: list[str], rows: int) -> None:
    assert different([Example(prompt, "") for prompt in prompts]).rows == rows


def test_completions_count_where_there_are_no_prompts() -> None:
    assert different([Example("", text) for text in ("the sky is blue", "the sky is blue", "go home")]).rows == 2


def test_four_of_five_words_is_the_limit() -> None:
    four, five = frozenset("abcd"), frozenset("abcde")
    assert are_similar(four, five) and not are_similar(four, five | {"f"})


def test_no_similar_pair_is_missed_by_the_filters() -> None:
    rng = random.Random(3)
    few = WORDS[:12]
    rows = list({frozenset(rng.sample(few, rng.randint(1, 10))) for _ in range(600)})
    counted: list[frozenset[str]] = []
    for row, is_new in zip(rows, exactly(rows), strict=True):
        assert is_new == (not any(are_similar(row, other) for other in counted))
        counted += [row] if is_new else []
    assert 1 < len(counted) < len(rows)


def test_a_sample_agrees_with_the_comparison() -> None:
    rng = random.Random(4)
    rows = examples([*repeated(1_000, 4, rng), *diverse(2_000, rng)])
    assert len(rows) == 6_000 > near_duplicates.MOST_EXACT
    compared = sum(exactly(words_of(rows)))
    found = different(rows)
    assert not found.exact and found.rows == pytest.approx(compared, rel=0.05)
    assert compared == pytest.approx(3_000, rel=0.01) and different(rows) == found


def test_a_sentence_that_is_filled_in_makes_no_rows_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    rng, real = random.Random(6), are_similar
    compared: list[None] = []
    rows = [Example("", f"between {a} and {b} there are trains at {c} o'clock") for a, b, c in diverse(6_000, rng, 3)]

    def counted(one: Words, other: Words) -> bool:
        compared.append(None)
        return real(one, other)

    monkeypatch.setattr(near_duplicates, "are_similar", counted)
    assert different(rows).rows == pytest.approx(6_000, rel=0.01) and len(compared) < 10 * 6_000
