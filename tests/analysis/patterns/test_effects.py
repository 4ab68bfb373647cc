"""Means, differences and intervals against figures worked out by hand."""

from __future__ import annotations

import math

import pytest
from patterned import DROPOUT, RATE, SCHEDULER, R, effect, limits, patterns, trial
from scipy import stats

GRID = [
    (8, "linear", 1.0),
    (8, "cosine", 1.1),
    (16, "linear", 0.8),
    (16, "cosine", 1.1),
    (32, "linear", 0.9),
    (32, "cosine", 1.0),
]


def grid(sign: int = 1) -> list:
    return [
        trial(number, sign * value, **{R: r, SCHEDULER: scheduler}) for number, (r, scheduler, value) in enumerate(GRID)
    ]


def test_means_on_a_full_grid_are_plain_averages() -> None:
    ranks = effect(patterns(grid()), R)
    assert [level.mean for level in ranks.levels] == pytest.approx([1.05, 0.95, 0.95])
    assert [level.count for level in ranks.levels] == [2, 2, 2]


def test_intervals_are_those_of_the_closed_formulas() -> None:
    scheduler = effect(patterns(grid()), SCHEDULER)
    # Residuals of rows and columns; 6 values, 4 coefficients.
    left = sum(
        (value - {8: 1.05, 16: 0.95, 32: 0.95}[r] - {"linear": 0.9, "cosine": 1.1 - 0.1 / 3}[s] + 5.9 / 6) ** 2
        for r, s, value in GRID
    )
    half = stats.t.ppf(0.975, 2) * math.sqrt(left / 2 * 2 / 3)
    cosine, linear = scheduler.levels
    assert (cosine.words, linear.words) == ("cosine", "linear")
    assert linear.difference == 0
    assert linear.difference_interval is None
    assert cosine.difference == pytest.approx(0.5 / 3)
    assert cosine.difference_interval == pytest.approx((0.5 / 3 - half, 0.5 / 3 + half))
    mean_half = stats.t.ppf(0.975, 2) * math.sqrt(left / 2 / 3)
    assert cosine.interval == pytest.approx((3.2 / 3 - mean_half, 3.2 / 3 + mean_half))
    assert scheduler.p == pytest.approx(stats.f.sf(3 / 2 * (0.5 / 3) ** 2 / (left / 2), 1, 2))


def test_a_maximised_metric_turns_better_and_worse_around_and_nothing_else() -> None:
    less, more = effect(patterns(grid()), R), effect(patterns(grid(-1), "maximize"), R)
    assert [level.difference for level in more.levels] == pytest.approx([level.difference for level in less.levels])
    assert [level.mean for level in more.levels] == pytest.approx([-level.mean for level in less.levels])
    assert more.p == pytest.approx(less.p)


def test_two_seeds_of_two_ranks_are_a_t_test() -> None:
    values = {8: (1.0, 1.2), 16: (0.7, 0.8)}
    # Seeds of their own: nothing is shared.
    trials = [
        trial(number, value, **{R: r, "training.seed": number})
        for number, (r, value) in enumerate((r, value) for r, some in values.items() for value in some)
    ]
    eight, sixteen = effect(patterns(trials), R).levels
    half = stats.t.ppf(0.975, 2) * math.sqrt((0.02 + 0.005) / 2)
    assert sixteen.difference == 0
    assert eight.difference_interval == pytest.approx((0.35 - half, 0.35 + half))


def test_what_all_trials_of_a_seed_share_does_not_widen_differences() -> None:
    trials = [
        trial(number, value + shift, **{R: r, "training.seed": seed})
        for number, (r, seed, value, shift) in enumerate(
            [
                (8, 1, 1.0, 0.0),
                (8, 2, 1.01, 0.5),
                (16, 1, 0.9, 0.0),
                (16, 2, 0.9, 0.5),
                (32, 1, 0.8, 0.0),
                (32, 2, 0.79, 0.5),
            ]
        )
    ]
    low, high = effect(patterns(trials), R).levels[0].difference_interval or (0, 9)
    assert high - low < 0.1


def test_a_joint_effect_is_found_shown_by_cell_and_taken_out_of_the_error() -> None:
    trials = [
        trial(
            number,
            (0.5 if (r, rate) == (32, 4e-4) else 0.0) + 0.01 * r + noise,
            **{R: r, RATE: rate, "training.seed": seed},
        )
        for number, (r, rate, seed, noise) in enumerate(
            (r, rate, seed, 0.003 * (-1) ** (seed + r // 8 + round(rate * 1e4)))
            for r in (8, 16, 32)
            for rate in (1e-4, 2e-4, 4e-4)
            for seed in (1, 2)
        )
    ]
    told = patterns(trials)
    (joint,) = told.interactions
    assert {joint.one, joint.other} == {R, RATE}
    assert joint.rows == ("8", "16", "32")
    assert joint.means[2][2] == pytest.approx(0.82)
    low, high = effect(told, R).levels[2].interval or (0, 9)
    assert high - low < 0.02


def test_equal_values_have_no_effect_and_a_table_without_chance_no_interval() -> None:
    told = patterns([trial(at, 1.0, **{R: r, SCHEDULER: s}) for at, (r, s, _) in enumerate(GRID)])
    assert not any(one.matters for one in told.effects)
    assert all(level.difference == pytest.approx(0) for one in told.effects for level in one.levels)


def test_many_sampled_rates_are_cut_into_ranges_that_follow_a_bent_curve() -> None:
    rates = [1e-5 * 1.2**at for at in range(30)]
    bent = [
        trial(at, 1 + 0.1 * (math.log(rate / 2e-4)) ** 2 + 0.001 * (-1) ** at, **{RATE: rate})
        for at, rate in enumerate(rates)
    ]
    found = effect(patterns(bent), RATE)
    assert found.ranges
    assert [level.count for level in found.levels] == [8, 7, 7, 8]
    low, high = found.best.value
    assert low < 2e-4 < high
    assert found.matters


def test_where_trials_were_pruned_no_interval_is_stated_and_their_share_is_told_by_level() -> None:
    trials = [trial(at, 1.0 + at / 100, **{R: (8, 16)[at % 2], DROPOUT: (0.0, 0.1)[at // 2 % 2]}) for at in range(8)]
    pruned = [trial(8 + at, 2.0, "pruned", **{R: 8, DROPOUT: 0.1 * (at % 2)}) for at in range(6)]
    told = patterns([*trials, *pruned])
    eight, sixteen = effect(told, R).levels
    assert (eight.trials, eight.pruned, sixteen.trials, sixteen.pruned) == (10, 6, 4, 0)
    assert all(level.interval is None and level.difference_interval is None for level in (eight, sixteen))
    assert effect(told, R).p is None
    assert "6 of 14 trials (43 %)" in limits(told, "pruned")[0]


def test_importances_are_read_where_they_were_recorded_and_rubbish_is_left_aside() -> None:
    recorded = {"importances": '{"evaluator": "PedAnova", "values": {"lora.r": 0.75}}'}
    assert effect(patterns(grid(), tags=recorded), R).importance == 0.75
    for rubbish in ("{", "[]", '{"values": 3}', '{"values": {"lora.r": "much"}}', '{"values": {"lora.r": NaN}}'):
        assert effect(patterns(grid(), tags={"importances": rubbish}), R).importance is None


def test_four_configurations_of_two_seeds_are_enough_to_see_a_crossing() -> None:
    values = {(4, 2e-3): (1.00, 1.01), (4, 8e-3): (0.90, 0.91), (16, 2e-3): (0.90, 0.912), (16, 8e-3): (1.00, 1.01)}
    trials = [
        trial(2 * at + seed, value, **{R: r, RATE: rate, "training.seed": seed})
        for at, ((r, rate), some) in enumerate(values.items())
        for seed, value in enumerate(some)
    ]
    told = patterns(trials)
    (joint,) = told.interactions
    assert joint.means[0] == pytest.approx((1.005, 0.905))
    assert limits(told, "untested") == []
