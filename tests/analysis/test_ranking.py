"""Places, ties, and where the noise comes from."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest
from ranked_rows import single, sweep, trial

from analysis.ranking import Ranking, ranked
from analysis.records import SweepRecords, sweep_records

DOCUMENT_003 = (1.2727, 1.2738, 1.2876, 1.3381, 1.3385)


def places(ranking: Ranking) -> list[tuple[int, str]]:
    return [(place.place, place.configuration.name) for place in ranking.places]


def test_document_003_with_a_stated_noise() -> None:
    found = ranked(single(*DOCUMENT_003), noise=0.003)
    assert [place.place for place in found.places] == [1, 1, 3, 4, 4]
    assert [place.tied_with for place in found.places[:3]] == [("r2_s42",), ("r1_s42",), ()]
    assert (found.noise.known, found.noise.size, found.noise.sd) == ("stated", 0.003, None)
    assert all(place.interval is None for place in found.places)


def test_a_difference_of_exactly_the_noise_is_a_tie() -> None:
    assert [place.place for place in ranked(single(1.003, 1.006), noise=0.003).places] == [1, 1]


def test_without_seeds_the_sweeps_own_setting_is_assumed() -> None:
    found = ranked(single(1.0, 1.002, 1.004, noise=0.0025))
    assert [place.place for place in found.places] == [1, 1, 3] and found.noise.known == "assumed"
    assert "sweep.noise=0.0025 of the best" in found.noise.source
    assert found.places[1].tied_with == ("r1_s42", "r3_s42")  # though the third begins a place of its own


def test_where_nobody_says_anything_only_equal_values_are_tied() -> None:
    found = ranked(single(1.0, 1.0 + 1e-6, 2.0, 2.0))
    assert [place.place for place in found.places] == [1, 2, 3, 3] and found.noise.known == "unknown"


def test_seeds_of_a_configuration_are_averaged() -> None:
    found = ranked(sweep({8: {0: 1.0, 1: 1.2}, 16: {0: 1.05, 1: 1.05}}))
    assert places(found) == [(1, "r16_s0"), (1, "r8_s0")]
    assert found.places[1].value == pytest.approx(1.1) and found.noise.known == "seeds"


def test_what_a_seed_does_to_all_alike_hides_no_difference() -> None:
    paired = {8: {0: 1.0, 1: 2.0, 2: 3.0}, 16: {0: 1.101, 1: 2.099, 2: 3.1}, 32: {0: 1.2, 1: 2.201, 2: 3.199}}
    found = ranked(sweep(paired))
    assert [place.place for place in found.places] == [1, 2, 3]
    low, high = found.places[0].interval or (0.0, 0.0)
    assert low < 0 and high > 4  # but of the mean over new seeds little is known


def test_differences_of_seeds_that_are_not_shared_are_uncertain() -> None:
    apart = {8: {0: 1.0, 1: 2.0, 2: 3.0}, 16: {3: 1.1, 4: 2.1, 5: 3.1}}
    assert [place.place for place in ranked(sweep(apart)).places] == [1, 1]


def test_one_seed_gets_an_interval_from_the_others_spread() -> None:
    found = ranked(sweep({8: {0: 1.0, 1: 1.1, 2: 1.05}, 16: {0: 1.5}}))
    (low, high), (wide_low, wide_high) = (place.interval or (0.0, 0.0) for place in found.places)
    assert (wide_high - wide_low) == pytest.approx(3**0.5 * (high - low))


def test_a_stated_noise_holds_besides_the_seeds() -> None:
    far = sweep({8: {0: 1.0, 1: 1.0001, 2: 1.0002}, 16: {0: 1.01, 1: 1.0102, 2: 1.0101}})
    assert [place.place for place in ranked(far).places] == [1, 2]
    found = ranked(far, noise=0.02)
    assert [place.place for place in found.places] == [1, 1] and found.noise.sd is not None


def test_seeds_that_change_nothing_tell_nothing() -> None:
    found = ranked(sweep({8: {0: 1.0, 1: 1.0}, 16: {0: 1.001, 1: 1.001}}, noise=0.0025))
    assert found.noise.known == "assumed" and [place.place for place in found.places] == [1, 1]


def test_an_unstable_configuration_is_judged_by_its_own_spread() -> None:
    rng = np.random.default_rng(3)
    values = {rank: dict(enumerate(1 + 0.1 * rank + 0.01 * rng.normal(size=5))) for rank in range(1, 6)}
    calm = ranked(sweep(values))
    values[6] = dict(enumerate((1.0, 3.0, 1.5, 2.5, 0.5)))
    found = ranked(sweep(values))
    assert "their own spread" in found.noise.source and "r6_s0" in found.noise.source
    assert [place.interval for place in found.places if place.configuration.name == "r1_s0"] == [
        calm.places[0].interval
    ]
    assert [place.tied_with for place in found.places if place.configuration.name == "r1_s0"] == [("r6_s0",)]


def test_the_winner_is_the_best_trial_of_the_best_mean() -> None:
    found = ranked(sweep({8: {0: 0.9, 1: 1.5}, 16: {0: 1.1, 1: 1.0}}))
    assert found.winner is not None and found.winner.name == "r16_s1"
    most = ranked(sweep({8: {0: 0.9, 1: 1.5}, 16: {0: 1.1, 1: 1.0}}, direction="maximize"))
    assert most.winner is not None and most.winner.name == "r8_s1" and most.ahead(1) == pytest.approx(0.15)


def test_trials_without_a_seed_are_configurations_of_their_own() -> None:
    rows = [dataclasses.replace(trial(8, None, value), trial=str(value)) for value in (1.0, 1.1)]
    found = ranked(SweepRecords("s", "eval_loss", "minimize", rows))
    assert len(found.places) == 2 and found.noise.known == "unknown"


def test_nothing_to_rank() -> None:
    found = ranked(SweepRecords("s", "eval_loss", "minimize", []))
    assert found.places == () and found.winner is None


@pytest.mark.parametrize(("text", "share"), [("0.0025", 0.0025), ("0", 0.0), ("", None), ("None", None), ("-1", None)])
def test_the_recorded_noise(text: str, share: float | None) -> None:
    tags = {"sweep": "s", "metric": "eval_loss", "direction": "minimize", "noise": text}
    assert sweep_records(tags, []).noise == share


def test_a_thousand_configurations_in_a_second_of_computing() -> None:
    rng = np.random.default_rng(0)
    records = sweep({rank: dict(enumerate(rng.normal(size=2 + rank % 2))) for rank in range(1, 1001)})
    begun = time.process_time()
    found = ranked(records)
    assert time.process_time() - begun < 2 and {place.place for place in found.places} == {1}
