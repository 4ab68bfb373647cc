"""ROUGE against Google's rouge-score, and beyond English."""

from __future__ import annotations

import random
import unicodedata

import pytest
from rouge_score import rouge_scorer, tokenize

from trainers import rouge

WORDS = ("the", "cat", "sat", "on-mat,", "x_1", "Don't", "42", "U.S.A.", "(a)", "\n", "\t", "--", "e=mc^2", "I")


def texts(seed: int) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=rng.randrange(25))) for _ in range(40)]


@pytest.mark.parametrize("seed", range(5))
def test_it_is_rouge_scores_own(seed: int) -> None:
    answers, references = texts(seed), texts(seed + 100)
    scorer = rouge_scorer.RougeScorer(list(rouge.KINDS))
    theirs = [scorer.score(reference, answer) for answer, reference in zip(answers, references, strict=True)]
    wanted = {kind: sum(item[kind].fmeasure for item in theirs) / len(theirs) for kind in rouge.KINDS}
    assert rouge.scores(answers, references) == pytest.approx(wanted, abs=1e-6)


def test_tokens_of_ascii_are_rouge_scores_own() -> None:
    signs = "".join(map(chr, range(128)))
    for text in (signs, signs[::-1], *texts(7), "".join(random.Random(0).choices(signs, k=500))):
        assert rouge.tokens(text) == tokenize.tokenize(text, None)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Größe, élan", ["größe", "élan"]),
        (unicodedata.normalize("NFD", "Größe, élan"), ["größe", "élan"]),
        ("Привет, мир!", ["привет", "мир"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("مرحبا بالعالم", ["مرحبا", "بالعالم"]),
        ("我喜欢猫。ok", ["我", "喜", "欢", "猫", "ok"]),
        ("カナ2つ", ["カ", "ナ", "2", "つ"]),
        ("한국어 문장", ["한국어", "문장"]),
    ],
)
def test_no_script_is_dropped(text: str, tokens: list[str]) -> None:
    assert rouge.tokens(text) == tokens


def test_an_empty_answer_is_worth_nothing() -> None:
    assert rouge.scores(["", "the cat"], ["the cat", "the cat"]) == {"rouge1": 0.5, "rouge2": 0.5, "rougeL": 0.5}
