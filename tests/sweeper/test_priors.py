"""The guide's tables."""

from __future__ import annotations

from typing import Any

import pytest

from sweeper.facts import Facts
from sweeper.lengths import Lengths
from sweeper.priors import PRIORS


def tokens(p50: int, p99: int, truncated: float = 0.0) -> Lengths:
    return Lengths(float(p50), p50, p99, p99, p99, "the model's tokenizer", truncated)


@pytest.mark.parametrize(
    ("prior", "rows", "values"),
    [
        ("ranks", 499, [2, 4, 8]),
        ("ranks", 500, [4, 8, 16]),
        ("ranks", 2_000, [8, 16, 32]),
        ("ranks", 10_000, [16, 32, 64]),
        ("ranks", 200_000, [32, 64, 128]),
        ("low_rank", 500, [4]),
        ("higher_rank", 50_000, [128]),
        ("higher_rank", 49_999, []),
        ("dropout", 999, [0.1]),
        ("dropout", 1_000, [0.05]),
        ("dropout", 50_000, [0.03]),
        ("epochs", 999, [7]),
        ("epochs", 1_000, [5]),
        ("epochs", 5_000, [4]),
        ("epochs", 50_000, [2]),
    ],
)
def test_priors_of_size(prior: str, rows: int, values: list[Any]) -> None:
    assert PRIORS[prior](Facts(rows, rows)) == values


def test_what_counts_is_the_effective_size() -> None:
    assert PRIORS["ranks"](Facts(2_000, 480)) == [2, 4, 8] and PRIORS["epochs"](Facts(2_000, 480)) == [5]


@pytest.mark.parametrize(
    ("steps", "warmup", "tried"),
    [
        (0, 0.03, [0.0, 0.01, 0.03, 0.06, 0.1]),
        (8, 4, [0]),
        (200, 10, [0, 10, 25, 50, 100]),
        (400, 12, [0, 10, 25, 50, 100]),
        (499, 15, [0, 10, 25, 50, 100]),
        (500, 0.03, [0.0, 0.01, 0.03, 0.06, 0.1]),
    ],
)
def test_warm_up_has_a_floor_in_short_runs(steps: int, warmup: float, tried: list[float]) -> None:
    facts = Facts(100, 100, steps=steps)
    assert PRIORS["warmup_steps"](facts) == [warmup] and PRIORS["warmups"](facts) == tried


@pytest.mark.parametrize(
    ("p50", "p99", "length", "packing"),
    [
        (31, 128, 128, True),
        (32, 128, 128, False),
        (60, 129, 256, True),
        (500, 900, 1024, False),
        (3_000, 9_000, 4096, False),
    ],
)
def test_length_and_packing(p50: int, p99: int, length: int, packing: bool) -> None:
    facts = Facts(100, 100, tokens=tokens(p50, p99))
    assert PRIORS["max_length"](facts) == [length] and PRIORS["packing"](facts) == [packing]


def test_nothing_follows_from_unknown_tokens() -> None:
    assert PRIORS["max_length"](Facts(9, 9)) == PRIORS["packing"](Facts(9, 9)) == []


@pytest.mark.parametrize("name", PRIORS)
def test_every_prior_says_its_numbers(name: str) -> None:
    facts = Facts(60_000, 55_000, exact=False, tokens=tokens(44, 120), steps=900)
    assert PRIORS[name].rule(facts).startswith(("the guide would take", "document 002 would take"))
    said = PRIORS[name].numbers(facts)
    assert any(
        number in said for number in ("about 55,000", "60,000", "900 optimizer steps", "120 tokens", "44 of 128")
    )
