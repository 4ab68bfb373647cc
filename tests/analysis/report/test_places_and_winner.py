"""The report's first two sections."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
from ranked_rows import single, sweep, trial

from analysis.evidence import Evidence
from analysis.flattery import expected_on_new_seeds
from analysis.patterns.pattern import Patterns
from analysis.ranking import ranked
from analysis.recorded_sweep import RecordedSweep
from analysis.records import SweepRecords, TrialRow
from analysis.report import ranking, winner

NAMES = ("exp3_r24_a64_d10_linear_augmented", "exp5_r32_a64_d05_linear_augmented")


def evidence(records: SweepRecords, noise: float | None = None) -> Evidence:
    return Evidence(RecordedSweep(records), ranked(records, noise), Patterns())


def said(records: SweepRecords, noise: float | None = None) -> tuple[str, str]:
    found = evidence(records, noise)
    return "\n".join(ranking.lines(found)), "\n".join(winner.lines(found))


def imported(name: str, value: float, r: int, alpha: int) -> TrialRow:
    params = {"lora.r": r, "lora.alpha": alpha, "data.name": "augmented"}
    return TrialRow(r, name, "complete", "", False, params, {"eval_loss": value, "epoch": 15.0}, (), name)


def test_imported_rows_show_what_is_known() -> None:
    rows = [imported(NAMES[0], 1.2727, 24, 64), imported(NAMES[1], 1.2738, 32, 64)]
    places, won = said(SweepRecords("s", "eval_loss", "minimize", rows), noise=0.003)
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in places.splitlines() if line.startswith("|")]
    assert lines[0] == ["Place", "Name", "Best eval_loss", "Epoch of the best", "LoRA", "Gain", "Data"]
    assert lines[2] == ["1", NAMES[0], "1.2727", "15", "r=24, alpha=64", "2.67", "augmented"]
    assert lines[3][:2] == ["1", NAMES[1]]
    assert "1\N{EN DASH}2: tied within noise ±0.003 (stated)." in places
    assert f"It cannot be told from {NAMES[1]}: any of them may be the best." in won
    assert "within the stated noise of ±0.003: a tie, not a lead" in won and "cannot be stated" in won


def test_only_twenty_rows_are_shown() -> None:
    places, _ = said(single(*(1 + 0.1 * rank for rank in range(25))))
    assert places.count("r=") == 20 and "5 more: `lora-report leaderboard` has them all" in places


def test_the_lead_is_given_with_its_interval() -> None:
    rng = np.random.default_rng(0)
    values = {rank: dict(enumerate(rank + 0.01 * rng.normal(size=3))) for rank in range(1, 6)}
    places, won = said(sweep(values))
    assert "95 % interval" in places and "tied" not in places and "cannot be told" not in won
    assert "ahead of r2_s0 (place 2), 95 % interval 0.9" in won and "more than chance explains" in won
    assert "**Luck**: the best of 5" in won


def test_more_is_better_when_the_sweep_says_so() -> None:
    rng = np.random.default_rng(0)
    values = {rank: dict(enumerate(0.1 * rank + 0.001 * rng.normal(size=3))) for rank in range(1, 4)}
    places, won = said(sweep(values, direction="maximize"))
    assert "more is better" in places and "the highest mean of `eval_loss`" in won
    assert "**r3_s0**" in won and "ahead of r2_s0 (place 2), 95 % interval 0.09" in won


def test_luck_flatters_the_best_of_equals() -> None:
    rng = np.random.default_rng(4)
    found = evidence(sweep({rank: dict(enumerate(1 + 0.1 * rng.normal(size=3))) for rank in range(1, 13)}))
    expected = expected_on_new_seeds(found.ranking)
    assert expected is not None and found.ranking.places[0].value + 0.05 < expected < 1.05


def test_stability_names_what_the_curves_show_and_where_they_ended() -> None:
    rows = [
        dataclasses.replace(trial(8, seed, value, final_eval_loss=1.3), verdicts=verdicts)
        for seed, value, verdicts in ((0, 1.0, ("learning", "overfitting")), (1, 1.2, ("learning",)))
    ]
    _, won = said(SweepRecords("s", "eval_loss", "minimize", rows))
    assert "Over 2 seeds from 1.0000 to 1.2000, standard deviation 0.14" in won
    assert "learning, overfitting (1 of 2)" in won and "ended at 1.3000, 0.2000 worse than its best" in won
    assert "nothing to compare it with" in won


def test_the_stage_of_a_procedures_winner_is_named() -> None:
    rows = [dataclasses.replace(trial(8, 0, 1.0), stage="confirm"), trial(16, 0, 2.0)]
    _, won = said(SweepRecords("s", "eval_loss", "minimize", rows, {"confirm": "r=8"}))
    assert "It was trained in stage `confirm`." in won


def test_what_a_procedure_settled_on_instead_is_named() -> None:
    records = SweepRecords("s", "eval_loss", "minimize", [trial(8, 0, 1.0), trial(4, 0, 1.001)], {"rank": "r=4"})
    for settled, words in (("r4_s0", "The procedure itself settled on r4_s0"), ("r8_s0", "among 2 configurations.")):
        found = Evidence(RecordedSweep(records, {"settled": settled}), ranked(records), Patterns())
        text = "\n".join(winner.lines(found))
        assert words in text and ("settled" in text) == (settled == "r4_s0")


def test_nothing_completed() -> None:
    places, won = said(SweepRecords("s", "eval_loss", "minimize", []))
    assert "nothing to rank" in places and "no trial has completed" in won


def test_names_are_escaped() -> None:
    row = dataclasses.replace(trial(8, 0, 1.0), name="a|b *c*")
    places, won = said(SweepRecords("s", "eval_loss", "minimize", [row]))
    assert "a\\|b \\*c\\*" in places and "**a\\|b \\*c\\***" in won


def test_what_takes_no_place_is_counted() -> None:
    rows = [trial(1, 0, 1.0), *(dataclasses.replace(trial(rank, 0, 2.0), outcome="pruned") for rank in range(2, 5))]
    rows += [dataclasses.replace(trial(5, 0, 2.0), outcome="out_of_memory")]
    places, won = said(SweepRecords("s", "eval_loss", "minimize", rows))
    assert "Of all 5 trials, 4 take no place: 3 pruned, 1 out of memory." in places
    assert "the only configuration that completed" in won


def test_the_winner_is_held_against_the_untrained_base() -> None:
    base = dataclasses.replace(trial(9, 0, 1.5), is_reference=True, name="base")
    _, won = said(SweepRecords("s", "eval_loss", "minimize", [trial(1, 0, 1.2), trial(2, 0, 1.6), base]))
    assert (
        "**Training**: 0.3000 (20 %) better than the untrained base (1.5000); "
        "1 of 2 configurations are not better than it." in won
    )
    assert "**Training**" not in said(single(1.2, 1.6))[1]
    far = dataclasses.replace(base, metrics={"eval_loss": 0.2})
    assert "1.0000 (500 %) worse" in said(SweepRecords("s", "eval_loss", "minimize", [trial(1, 0, 1.2), far]))[1]


def test_one_seed_each_is_no_number_of_seeds() -> None:
    assert "| Seed |" in said(single(1.2, 1.6))[0]
    assert "| Seeds" in said(sweep({1: {0: 1.0, 1: 1.1}, 2: {0: 2.0, 1: 2.1}}))[0]


def test_a_parameter_of_one_value_has_no_column() -> None:
    rows = [
        dataclasses.replace(
            trial(rank, 0, 1.0 * rank),
            params={"lora.r": rank, "training.packing": False, "training.max_length": rank},
            swept=("lora.r", "training.packing", "training.max_length"),
        )
        for rank in (1, 2)
    ]
    places, won = said(SweepRecords("s", "eval_loss", "minimize", rows))
    assert "training.max_length" in places and "training.packing" not in places
    assert "training.packing False" in won


def test_equal_seeds_are_not_said_to_be_missing() -> None:
    rows = [trial(r, seed, 1.5) for r in (8, 16) for seed in (0, 1)]
    _, won = said(SweepRecords("s", "token_accuracy", "maximize", [_measuring(row, "token_accuracy") for row in rows]))
    assert "Seeds of one configuration do not differ" in won and "No seeds" not in won
    assert "**Lead**: 0.0000 (0 %)" in won


def _measuring(row: TrialRow, metric: str) -> TrialRow:
    return dataclasses.replace(row, metrics={metric: row.metrics["eval_loss"]})


def test_of_a_value_near_nothing_no_share_is_told() -> None:
    _, won = said(SweepRecords("s", "eval_loss", "minimize", [trial(8, 0, -0.04), trial(16, 0, 1e-6)]))
    assert "0.0400 ahead of" in won


def test_an_infinity_as_mlflow_keeps_it_takes_no_place() -> None:
    largest = sys.float_info.max
    rows = [trial(8, 0, largest), trial(8, 1, largest), trial(16, 0, 1.0)]
    assert len(ranked(SweepRecords("s", "eval_loss", "minimize", rows)).places) == 1
