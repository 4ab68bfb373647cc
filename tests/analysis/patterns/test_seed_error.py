"""What seeds tell of chance, and which of them can be compared."""

from __future__ import annotations

import pytest
from patterned import R, patterns, trial

from analysis.configuration import Configuration
from analysis.patterns.seed_error import seed_error


def configuration(r: int, values: dict[int, float]) -> Configuration:
    return Configuration(
        tuple(trial(100 * r + seed, value, **{R: r, "training.seed": seed}) for seed, value in values.items())
    )


def test_seeds_of_their_own_are_pooled_within_configurations() -> None:
    told = seed_error([configuration(8, {1: 1.0, 2: 1.2}), configuration(16, {3: 0.7, 4: 0.8})], "eval_loss")
    assert told.values == pytest.approx([1.1, 0.75])
    assert (told.squares, told.df) == (pytest.approx(0.02 + 0.005), 2)
    assert not told.crossed


def test_what_a_seed_does_to_all_is_taken_out_where_all_ran_with_it() -> None:
    told = seed_error([configuration(r, {1: 1.0 + r, 2: 1.5 + r}) for r in (1, 2, 3)], "eval_loss")
    assert told.crossed
    assert (told.squares, told.df) == (pytest.approx(0), 2)


def test_seeds_that_only_some_ran_with_are_left_aside_where_seeds_matter() -> None:
    noise = iter([0.001, -0.001, 0.002, 0.0, -0.002, 0.001, 0.0, 0.001, -0.001])
    confirmed = [configuration(r, {seed: r + 0.3 * seed + next(noise) for seed in (1, 2, 3)}) for r in (1, 2)]
    others = [configuration(r, {1: r + 0.3 + next(noise)}) for r in (3, 4, 5)]
    told = seed_error([*confirmed, *others], "eval_loss")
    assert told.kept == (1,)
    assert told.values == pytest.approx([1.3, 2.3, 3.3, 4.3, 5.3], abs=0.003)


def test_all_seeds_count_where_they_do_nothing_in_common() -> None:
    values = {1: {1: 1.0, 2: 1.02, 3: 0.99}, 2: {1: 2.01, 2: 1.98, 3: 2.0}, 3: {1: 3.0}}
    told = seed_error([configuration(r, some) for r, some in values.items()], "eval_loss")
    assert told.kept == ()
    assert list(told.counts) == [3, 3, 1]


def test_a_seed_that_ran_twice_or_is_not_known_counts_twice() -> None:
    twice = Configuration(tuple(trial(at, float(at), **{R: 8, "training.seed": 1}) for at in range(3)))
    unknown = Configuration(tuple(trial(3 + at, float(at), **{R: 16, "training.seed": None}) for at in range(3)))
    told = seed_error([twice, unknown], "eval_loss")
    assert list(told.counts) == [3, 3]
    assert told.values == pytest.approx([1.0, 1.0])


def test_the_report_says_which_seeds_means_are_of() -> None:
    trials = [
        trial(at, r + 0.3 * seed + 0.001 * (at % 3), **{R: r, "training.seed": seed})
        for at, (r, seed) in enumerate([(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3), (3, 1)])
    ]
    assert "with the seeds that all of them ran with (1)" in patterns(trials).source
