"""Training texts are varied by their own words, always alike, and nothing else is varied."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from trainers.augmentation import variant
from trainers.data import Rows, load
from trainers.seam import TrialFailed
from trainers.trial import Data

TEXT = "all that remained of the burned workshop was his apprentice mug and he held it for a very long time"


@pytest.mark.parametrize("number", range(1, 31))
def test_a_variant_touches_a_tenth_of_the_words(number: int) -> None:
    words, made = Counter(TEXT.split()), Counter(variant(TEXT, number).split())
    added, removed = made - words, words - made
    assert (added.total(), removed.total()) in {(0, 0), (2, 0), (0, 2)}  # of twenty words
    assert set(made) <= set(words) and variant(TEXT, number) != TEXT


def test_every_operation_is_drawn() -> None:
    lengths = Counter(len(variant(TEXT, number).split()) for number in range(1, 91))
    assert set(lengths) == {18, 20, 22} and min(lengths.values()) > 15


def test_text_and_number_alone_decide() -> None:
    assert variant("what a lovely morning we had", 1) == "what a morning we had"  # on any machine, in any run
    assert len({variant(TEXT, number) for number in range(1, 9)}) > 4


@pytest.mark.parametrize("text", ["ha ha", "one two", "so so so"])
@pytest.mark.parametrize("number", range(1, 20))
def test_short_and_repeated_words_still_differ(text: str, number: int) -> None:
    assert variant(text, number) not in {text, ""}


@pytest.mark.parametrize("text", ["ha", "  ha\n", "一言"])
def test_one_word_stays_as_it_is(text: str) -> None:
    assert variant(text, 1) == text


def loaded(path: Path, **more: object) -> Rows:
    return load(Data("d", str(path), template="feel: {text} ->", validation_fraction=0.3, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_only_training_rows_are_augmented(rows: Path, factor: int) -> None:
    plain, made = loaded(rows), loaded(rows, augmentation="eda", augmentation_factor=factor)
    assert made.validation == plain.validation and made.labels == plain.labels
    assert made.train[::factor] == plain.train and len(made.train) == factor * len(plain.train)
    for index, row in enumerate(made.train):
        source = plain.train[index // factor]
        assert (row.completion, row.label) == (source.completion, source.label)
        assert row.prompt.startswith("feel: ") and row.prompt.endswith(" ->")
        assert (row == source) == (index % factor == 0)


def test_max_samples_counts_rows_before_augmentation(rows: Path) -> None:
    made = loaded(rows, augmentation="eda", max_samples=4)
    assert len(made.train) == 12 and made.train[::3] == loaded(rows, max_samples=4).train


def test_a_rows_variants_do_not_depend_on_its_neighbours(rows: Path, tmp_path: Path) -> None:
    whole = list(csv.DictReader(rows.open()))
    (tmp_path / "r.csv").write_text("text,label\n" + "".join(f"{row['text']},{row['label']}\n" for row in whole[::-1]))
    made = [load(Data("d", str(path), str(path), augmentation="eda")).train for path in (rows, tmp_path / "r.csv")]
    assert sorted(map(repr, made[0])) == sorted(map(repr, made[1]))


@pytest.mark.parametrize("line", ['{"prompt": "1+1=", "completion": "2"}\n', '{"text": "one two three"}\n'])
def test_other_rows_are_not_augmented_but_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "rows.jsonl").write_text(line * 4)
    with pytest.raises(TrialFailed, match=r"data\.augmentation: varies the texts of rows with text and label"):
        loaded(tmp_path / "rows.jsonl", augmentation="eda")
