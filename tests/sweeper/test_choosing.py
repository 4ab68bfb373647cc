"""The decision rules and the words for curves, as tables."""

from __future__ import annotations

import math
from typing import Any

import pytest

from analysis.curve import Curve
from sweeper.candidates import Candidate, Noise, Run, at_seeds, grouped, noise
from sweeper.choosing import RULES, edge
from sweeper.comparison import Choice, Comparison
from sweeper.conditions import CONDITIONS, lottery_ticket, overfits, underfits, unstable

NAN = math.nan


def run(value: float | None = 1.0, **more: Any) -> Run:
    parts = {name: more.pop(name) for name in ("losses", "learning_rates", "grad_norms") if name in more}
    curve = Curve(evals=more.get("evals", ()), **parts)
    return Run("t", 0, "complete" if value is not None else "diverged", value, curve=curve, **more)


def candidate(r: int, *values: float | None, **more: Any) -> Candidate:
    return Candidate({"lora.r": r}, tuple(run(value, seed=seed, **more) for seed, value in enumerate(values)))


def chosen(rule: str, *candidates: Candidate, size: float = 0.01, keep: int = 1, **arguments: Any) -> Choice:
    return RULES[rule](Comparison(candidates, Noise(size, "said"), keep), arguments)


def ranks(choice: Choice) -> list[int]:
    return [item.params["lora.r"] for item in choice.winners]


@pytest.mark.parametrize(
    ("rule", "values", "keep", "winners"),
    [
        ("best", [1.2, 1.1, 1.15], 1, [8]),
        ("best", [1.2, 1.1, 1.15], 2, [8, 16]),
        ("best", [1.1, 1.1, 1.2], 1, [4]),  # equal: the first listed
        ("best", [None, 1.1, None], 3, [8]),
        ("best", [None, None, None], 1, []),
        ("smallest", [1.105, 1.1, 1.099], 1, [4]),  # all within the noise
        ("smallest", [1.2, 1.105, 1.1], 1, [8]),
        ("smallest", [1.2, 1.15, 1.1], 1, [16]),
        ("smallest", [1.109, 1.2, 1.1], 1, [4]),
        ("smallest", [None, 1.105, 1.1], 1, [8]),
        ("smallest", [1.105, 1.2, 1.1], 2, [4, 16]),
        ("confirm", [1.2, 1.1, 1.15], 1, [8]),
    ],
)
def test_rules(rule: str, values: list[float | None], keep: int, winners: list[int]) -> None:
    choice = chosen(rule, *(candidate(r, value) for r, value in zip((4, 8, 16), values, strict=True)), keep=keep)
    assert ranks(choice) == winners and choice.reason and not choice.invalid


def test_a_candidate_that_failed_with_one_seed_has_no_value() -> None:
    assert candidate(8, 1.0, None).value is None
    assert ranks(chosen("best", candidate(8, 0.5, None), candidate(16, 1.0, 1.1))) == [16]


def test_the_reason_names_numbers_and_noise() -> None:
    choice = chosen("smallest", candidate(4, 1.105), candidate(8, 1.1))
    assert choice.reason == (
        "lora.r=4 (1.1050) is the first listed within the noise of the best, lora.r=8 (1.1000); noise ±0.01 (said)"
    )
    assert choice.numbers["values"] == {"lora.r=4": 1.105, "lora.r=8": 1.1}


def test_stable_drops_the_unstable_and_the_slow() -> None:
    spiked = tuple((step, 9.0 if step == 8 else 1.0) for step in range(12))
    wild, slow = candidate(4, 0.5, losses=spiked), candidate(16, 0.6, seconds=50.0)
    choice = chosen("stable", wild, candidate(8, 1.0, seconds=10.0), slow)
    assert ranks(choice) == [8] and choice.numbers["dropped"] == 2
    assert not chosen("stable", wild).winners


def test_cost_is_paid_in_seconds() -> None:
    slow, quick = candidate(4, 1.0, init_seconds=100.0), candidate(8, 1.05, init_seconds=10.0)
    assert ranks(chosen("score_minus_cost", slow, quick, weight=0.0)) == [4]
    assert ranks(chosen("score_minus_cost", slow, quick, weight=0.001)) == [8]


@pytest.mark.parametrize(
    ("value", "speed", "winner"), [(1.005, 120.0, 8), (1.005, 105.0, 4), (1.5, 200.0, 4), (0.9, 120.0, 8)]
)
def test_faster_means_materially_faster_at_no_worse_a_value(value: float, speed: float, winner: int) -> None:
    baseline = candidate(4, 1.0, tokens_per_s=100.0)
    assert ranks(chosen("faster", baseline, candidate(8, value, tokens_per_s=speed))) == [winner]


def test_candidates_that_do_not_differ_were_not_compared() -> None:
    same = [candidate(r, 1.0, trainable_parameters=100) for r in (4, 8)]
    choice = chosen("differing", *same)
    assert choice.invalid and not choice.winners and "nothing was compared" in choice.reason
    other = candidate(16, 0.5, trainable_parameters=200)
    assert ranks(chosen("differing", same[0], other)) == [16]


RISING = tuple((step, 1e-6 * 10 ** (step / 2)) for step in range(1, 11))


@pytest.mark.parametrize(
    ("losses", "value", "bound"),
    [
        ([3, 2.9, 2.8, 2.6, 2.5, 2.4, 2.5, 9.0, 20, 40], 40.0, 0.3 * RISING[7][1]),
        ([3, 2.9, 2.8, 2.6, 2.5, 2.4, 2.3, 2.2, 2.1, 2.0], 2.0, None),
        ([3, 2.9, 2.8, 2.6, 2.5, 2.4, NAN], None, 0.3 * RISING[6][1]),
        ([3, 2.9, 2.8, 2.6, 2.5], None, 0.3 * RISING[4][1]),  # diverged before the next point
    ],
)
def test_a_range_test_bounds_by_a_share_of_where_the_loss_blows_up(
    losses: list[float], value: float | None, bound: float | None
) -> None:
    curve = tuple(enumerate(losses, start=1))
    asked = candidate(4, value, losses=curve, learning_rates=RISING[: len(losses)])
    choice = chosen("range_test", asked)
    assert not choice.winners and choice.numbers["bound"] == (None if bound is None else pytest.approx(bound))


def test_the_noise_of_single_batches_is_no_blow_up() -> None:
    """A real range test on the bundled model: batches differ by a third before anything is learned."""
    real = [5.3, 4.86, 5.07, 4.59, 5.3, 5.2, 4.46, 4.46, 5.04, 3.77, 5.5, 4.65, 6.19, 5.48, 4.5, 4.74, 4.16, 2.29, 1.86]
    real += [1.42, 1.07, 1.45, 1.35, 1.14, 0.98, 1.62, 1.91, 2.36, 2.65, 2.94]
    rates = tuple((step, 1e-6 * 1.5**step) for step in range(len(real)))
    asked = candidate(4, 0.98, losses=tuple(enumerate(real)), learning_rates=rates)
    blown = chosen("range_test", asked).numbers["blow_up"]
    assert rates[26][1] <= blown <= rates[29][1]


def test_a_lottery_ticket_is_rejected() -> None:
    spiked = tuple((step, 9.0 if step == 8 else 1.0) for step in range(12))
    evals = ((10, 1.0), (20, 0.99), (30, 0.2), (40, 0.98), (50, 0.97))
    ticket = candidate(4, 0.2, evals=evals, losses=spiked)
    choice = chosen("confirm", ticket, candidate(8, 0.9))
    assert ranks(choice) == [8] and choice.numbers["rejected"] == ["lora.r=4"]
    assert lottery_ticket(ticket.runs[0]) and not lottery_ticket(candidate(8, 0.9, evals=evals).runs[0])


def test_noise_is_the_error_of_paired_differences() -> None:
    alike = noise([candidate(4, 1.0, 1.2), candidate(8, 2.0, 2.2), candidate(16, 3.0)], 0.0025)
    assert alike.size == pytest.approx(0.0) and not alike.is_assumed  # what a seed does to both alike says nothing
    apart = noise([candidate(4, 1.0, 1.2, 1.1), candidate(8, 2.0, 2.4, 2.2)], 0.0025)
    assert apart.size == pytest.approx(0.1 / math.sqrt(3))  # the differences are 1.0, 1.2 and 1.1
    assert apart.source == "from the differences of 2 configurations over 3 seeds"


def test_noise_of_one_configuration_is_its_own() -> None:
    alone = noise([candidate(4, 1.0, 1.2)], 0.0025)
    assert alone.size == pytest.approx(math.sqrt(0.02)) and alone.source == "from 2 seeds of one configuration"


def test_without_seeds_noise_is_assumed() -> None:
    assumed = noise([candidate(4, 2.0), candidate(8, 4.0)], 0.0025)
    assert assumed.size == pytest.approx(0.005) and assumed.source.startswith("assumed") and assumed.is_assumed


def test_a_defender_is_compared_at_the_seeds_of_its_challengers() -> None:
    assert at_seeds(candidate(8, 1.0, 0.5, 0.6), {0}).value == 1.0
    assert at_seeds(candidate(8, 1.0, 0.5), {7}).value == 0.75


def test_ties_are_said() -> None:
    choice = chosen("confirm", candidate(4, 1.005, 1.0), candidate(8, 1.0, 1.0), candidate(16, 1.5, 1.5))
    assert choice.reason.startswith("lora.r=8 (1.0000) has the best mean over 2 seeds, within the noise of lora.r=4;")
    assert "within the noise" not in chosen("best", candidate(4, 1.1), candidate(8, 1.0)).reason


def test_most_of_a_winners_seeds_decide_what_it_is() -> None:
    over = {"losses": ((10, 2.0), (20, 1.0), (30, 0.5)), "evals": ((10, 1.5), (20, 1.4), (30, 1.7))}
    calm = {"losses": ((10, 2.0), (20, 1.0), (30, 0.5)), "evals": ((10, 1.5), (20, 1.4), (30, 1.3))}
    one = Candidate({}, (run(1.0, **over), run(1.0, **calm), run(1.0, **calm)))
    two = Candidate({}, (run(1.0, **over), run(1.0, **over), run(1.0, **calm)))
    assert not CONDITIONS["winner_overfits"]([one], one) and CONDITIONS["winner_overfits"]([two], two)


@pytest.mark.parametrize(
    ("values", "best", "note"),
    [
        ([1, 2, 4], 4, "4 is the largest value swept"),
        ([1, 2, 4], 1, "1 is the smallest value swept"),
        ([1, 2, 4], 2, None),
        ([1], 1, None),
        (["a", "b"], "a", None),
        ([True, False], True, None),
    ],
)
def test_edges(values: list[Any], best: Any, note: str | None) -> None:
    assert edge(values, best) == note


def test_runs_of_one_configuration_belong_together() -> None:
    points = [{"lora.r": r, "training.seed": seed} for r in (8, 4) for seed in (42, 43)]
    found = grouped(points, [run(value) for value in (1.0, 2.0, 3.0, 5.0)])
    assert [(item.params, item.value) for item in found] == [({"lora.r": 8}, 1.5), ({"lora.r": 4}, 4.0)]


FALLING = tuple((10 * step, 3.0 - 0.2 * step) for step in range(1, 11))
FLAT = tuple((10 * step, 3.0) for step in range(1, 11))


@pytest.mark.parametrize(
    ("evals", "losses", "over", "under"),
    [
        (((20, 2.0), (40, 1.5), (60, 1.6), (80, 1.7)), FALLING, True, False),
        (((20, 2.0), (40, 1.5), (60, 1.4), (80, 1.3)), FALLING, False, False),
        (((20, 2.0), (40, 1.5), (60, 1.501), (80, 1.505)), FALLING, True, False),  # it stalls: the gap is the meter
        (((20, 2.0), (40, 1.5), (60, 1.501), (80, 1.505)), FALLING[:4], False, False),  # no training loss since then
        (((20, 2.0), (40, 1.5), (60, 1.6), (80, 1.7)), FLAT, False, False),  # the training loss does not fall
        (((20, 2.0), (40, 2.0), (60, 1.995), (80, 1.99)), FLAT, False, True),
        (((20, 2.0), (40, 1.8)), FLAT, False, False),  # the evaluation moves
        (((20, 2.0), (40, 1.9)), FLAT, False, True),  # by 5 %: under 7.3 %, a slow drift
        (((20, 2.0), (40, 2.0)), FALLING, False, False),
        ((), (), False, False),  # nothing is known
    ],
)
def test_words_for_curves(evals: Any, losses: Any, over: bool, under: bool) -> None:
    asked = run(evals=evals, losses=losses)
    assert (overfits(asked), underfits(asked)) == (over, under)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"losses": FALLING, "grad_norms": ((10, 1.0), (20, 1.2), (30, 0.9))}, False),
        ({"losses": (*FALLING[:7], (80, 9.0), *FALLING[8:])}, True),
        ({"losses": (*FALLING[:7], (80, NAN))}, True),
        ({"grad_norms": ((10, 1.0), (20, 1.0), (30, 1.0), (40, 50.0))}, True),
        ({"grad_norms": ((10, 1.0), (20, NAN))}, True),
    ],
)
def test_instability(more: dict[str, Any], expected: bool) -> None:
    assert unstable(run(**more)) == expected


def test_divergence_is_instability() -> None:
    assert unstable(run(None))


def test_conditions_look_at_the_winner_or_at_all() -> None:
    flat, good = candidate(4, 2.0, evals=((1, 2.0), (2, 2.0))), candidate(8, 1.0, evals=((1, 2.0), (2, 1.0)))
    assert CONDITIONS["all_underfit"]([flat, flat], flat) and not CONDITIONS["all_underfit"]([flat, good], good)
    assert CONDITIONS["winner_underfits"]([flat, good], flat) and not CONDITIONS["winner_underfits"]([flat, good], good)
    assert CONDITIONS["no_winner"]([flat], None) and CONDITIONS["has_winner"]([flat], flat)
