"""Alpha follows rank."""

from __future__ import annotations

import pytest

from sweeper.gain import resolve
from trainers.trial import Lora


@pytest.mark.parametrize(
    ("gain", "r", "use_rslora", "alpha", "realised"),
    [
        (2, 8, False, 16, 2.0),
        (2, 16, False, 32, 2.0),
        (1, 8, False, 8, 1.0),
        (2, 64, True, 16, 2.0),  # the guide's own example
        (2, 8, True, 6, 2.1213203435596424),  # round(2 * sqrt(8)) = 6
        (0.5, 4, False, 2, 0.5),
    ],
)
def test_alpha_is_derived(gain: float, r: int, use_rslora: bool, alpha: int, realised: float) -> None:
    group, problems = resolve({"r": r, "gain": gain, "alpha": None, "use_rslora": use_rslora}, set())
    assert not problems and group["alpha"] == alpha
    assert Lora(**group).realised_gain == pytest.approx(realised)


def test_alpha_alone_clears_gain() -> None:
    group, problems = resolve({"r": 8, "gain": 2.0, "alpha": 64}, {"lora.alpha"})
    assert not problems and (group["alpha"], group["gain"]) == (64, None)


def test_both_given_is_an_error() -> None:
    _, problems = resolve({"r": 8, "gain": 2.0, "alpha": 64}, {"lora.alpha", "lora.gain"})
    assert [problem.key for problem in problems] == ["lora.alpha"]


def test_neither_is_an_error() -> None:
    _, problems = resolve({"r": 8, "gain": None, "alpha": None}, set())
    assert [problem.key for problem in problems] == ["lora.gain"]


def test_alpha_may_not_round_to_nothing() -> None:
    _, problems = resolve({"r": 1, "gain": 0.3, "alpha": None}, set())
    assert "rounds alpha to 0" in problems[0].rule


@pytest.mark.parametrize(("r", "gain"), [(0, 2), (-1, 2), ("many", 2), (8, -1), (8, float("nan"))])
def test_nonsense_is_left_to_validation(r: object, gain: float) -> None:
    assert resolve({"r": r, "gain": gain, "alpha": None}, set())[1] == []
