"""A report's pictures: when there are any, and what their words say. Whether they look well is for eyes."""

from __future__ import annotations

import dataclasses
import math
import re

import matplotlib as mpl
import numpy as np
import pytest

from analysis.curve import Points
from analysis.evidence import Evidence
from analysis.figures.curves import curves
from analysis.figures.drawn import Drawn, drawn, svg
from analysis.figures.heat_map import Cells, heat_map
from analysis.figures.interactions import interactions
from analysis.figures.learning_curve import axis_words, learning_curve
from analysis.figures.parallel import parallel
from analysis.figures.pareto_front import pareto_front
from analysis.figures.progress import progress
from analysis.figures.slices import slices
from analysis.figures.style import drawing, metric_words, shown
from analysis.figures.varied import number, varied
from analysis.figures.window import window
from analysis.patterns.pattern import Interaction, Patterns
from benchmarks.made_up_sweeps import Made, evidence, grid

GRID = evidence(
    grid(training__learning_rate=(1e-4, 2e-4), lora__r=(8, 16, 32), data__name=("a$b$_c", "<b>&\nx")), Made(pruned=0.1)
)
DEPENDS = Interaction("lora.r", "data.name", 0.01, ("8", "16"), ("a", "b"), ((1.5, 1.4), (1.3, None)))
BOTH = dataclasses.replace(DEPENDS, means=((1.5, 1.4), (1.3, 1.35)))
GRID = dataclasses.replace(GRID, patterns=dataclasses.replace(GRID.patterns, interactions=(BOTH,)))
ONE = evidence([{}])
NAMES = ["learning_curves", "slices", "heat_map", "interactions", "parallel", "pareto", "progress"]


def words(content: bytes) -> str:
    """The text of a picture, a blank between its parts."""
    return " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", content.decode()))


@pytest.fixture(scope="module")
def every() -> list[Drawn]:
    return drawn(GRID)


@pytest.fixture(scope="module")
def pictures(every: list[Drawn]) -> dict[str, bytes]:
    return {item.name: svg(item.figure) for item in every}


def test_a_sweep_of_three_parameters_has_every_picture(pictures: dict[str, bytes]) -> None:
    assert list(pictures) == NAMES


def test_a_single_trial_has_its_learning_curve_alone() -> None:
    assert [item.name for item in drawn(ONE)] == ["learning_curves"]


def test_a_sweep_without_a_place_has_no_picture() -> None:
    nobody = evidence(grid(lora__r=(8, 16)), Made(pruned=1.0, base=False))
    assert drawn(nobody) == []


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"parallel"}))
def test_pictures_name_the_metric_its_unit_and_which_way_is_better(name: str, pictures: dict[str, bytes]) -> None:
    said = words(pictures[name])
    assert "eval_loss (nats per token)" in said
    assert name == "heat_map" or "less is better" in said


def test_costs_have_units(pictures: dict[str, bytes]) -> None:
    said = words(pictures["pareto"])
    assert all(item in said for item in ("peak memory (MiB)", "training time (s)", "trainable parameters"))


def test_parameters_stand_under_their_dotted_names(pictures: dict[str, bytes]) -> None:
    said = words(pictures["slices"])
    assert all(item in said for item in ("lora.r", "training.learning_rate (log)", "data.name", "1e-4", "1 pruned"))


def test_user_text_is_no_mathematics_and_no_markup(pictures: dict[str, bytes]) -> None:
    said = words(pictures["slices"])
    assert "a$b$_c" in said
    assert "&lt;b&gt;&amp; x" in said


def test_the_same_sweep_is_drawn_to_the_same_bytes(pictures: dict[str, bytes]) -> None:
    again = {item.name: svg(item.figure) for item in drawn(GRID) if item.name in {"slices", "heat_map"}}
    assert again == {name: pictures[name] for name in again}
    assert b"date" not in pictures["slices"]


def test_every_picture_is_told_in_words_and_put_into_a_section(every: list[Drawn]) -> None:
    found = {item.name: item for item in every}
    assert found["pareto"].section == "alternatives" and found["heat_map"].section == "patterns"
    assert all("eval_loss" in item.alt for item in found.values())


def test_drawing_leaves_matplotlib_as_it_was() -> None:
    before = dict(mpl.rcParams)
    with drawing():
        assert mpl.rcParams["text.parse_math"] is False
    assert dict(mpl.rcParams) == before


def test_pictures_are_left_out_where_there_is_nothing_to_show() -> None:
    one_parameter = evidence(grid(lora__r=(8, 16, 32)))
    assert heat_map(one_parameter) is None and parallel(one_parameter) is None
    assert interactions(dataclasses.replace(GRID, patterns=Patterns())) is None
    assert interactions(dataclasses.replace(GRID, patterns=Patterns(interactions=(DEPENDS,)))) is None
    assert slices(ONE) is None and pareto_front(ONE) is None and progress(ONE) is None


def test_the_order_of_imported_trials_is_not_known() -> None:
    sweep = dataclasses.replace(GRID.sweep, tags={**GRID.sweep.tags, "origin": "runs.csv"})
    assert progress(GRID) is not None
    assert progress(dataclasses.replace(GRID, sweep=sweep)) is None


def test_curves_need_two_evaluations() -> None:
    once = dataclasses.replace(GRID.sweep, points=lambda trial, name: ((10, 1.5),))
    assert curves(dataclasses.replace(GRID, sweep=once)) is None


def test_epochs_stand_for_steps_that_are_not_known() -> None:
    trial = dataclasses.replace(GRID.sweep.records.trials[0], metrics={"eval_loss": 1.2, "epoch": 2.5})
    named = {"eval_loss": ((1, 1.5), (2, 1.2)), "epoch": ((1, 0.5), (2, 2.5))}
    made = dataclasses.replace(GRID, sweep=dataclasses.replace(GRID.sweep, points=lambda _, name: named[name]))
    assert learning_curve(made, trial) == [(0.5, 1.5), (2.5, 1.2)]
    assert axis_words([trial]) == "epoch"
    assert axis_words(GRID.sweep.records.trials) == "optimizer step"


def test_at_most_a_hundred_other_curves_are_asked_for() -> None:
    many = evidence(grid(training__learning_rate=np.geomspace(1e-5, 1e-3, 200).tolist()))
    asked: list[str] = []

    def points(trial: str, name: str) -> Points:
        asked.append(trial)
        return many.sweep.points(trial, name)

    with drawing():
        curves(dataclasses.replace(many, sweep=dataclasses.replace(many.sweep, points=points)))
    assert len(asked) == len(set(asked)) == 105


def test_values_that_are_not_finite_break_nothing() -> None:
    def spoiled(made: Evidence) -> Evidence:
        rows = [
            dataclasses.replace(row, metrics={**row.metrics, "eval_loss": bad, "seconds": bad})
            for row, bad in zip(made.sweep.records.trials, [math.nan, math.inf, 1.797e308], strict=False)
        ]
        records = dataclasses.replace(made.sweep.records, trials=[*rows, *made.sweep.records.trials[3:]])
        sweep = dataclasses.replace(
            made.sweep,
            records=records,
            points=lambda trial, name: ((10, math.nan), (20, 1.2), (30, 1.1), (40, math.inf)),
        )
        return dataclasses.replace(made, sweep=sweep)

    names = [item.name for item in drawn(spoiled(GRID))]
    assert "learning_curves" in names and "progress" in names


def test_an_axis_leaves_out_what_is_far_worse_and_counts_it() -> None:
    found = window([1.0, 1.1, 1.2, 1.3, 40.0, math.nan], 1)
    assert found is not None and (found.best, found.worst, found.beyond) == (1.0, 1.3, 2)
    assert found.clipped(40.0) == found.clipped(math.nan) == 1.3
    mirrored = window([-1.0, -1.1, -1.2, -1.3, -40.0], -1)
    assert mirrored is not None and (mirrored.worst, mirrored.beyond) == (-1.3, 1)


def test_the_best_value_is_never_left_out() -> None:
    found = window([1.3, 1.31, 1.32, 1.33, 0.1], 1)
    assert found is not None and found.holds(0.1) and found.beyond == 0


def test_an_axis_of_nothing_finite_is_none() -> None:
    assert window([math.nan, math.inf], 1) is None


def test_learning_rates_stand_on_a_logarithmic_axis_and_shares_on_a_linear_one() -> None:
    chosen = [{"training.learning_rate": 1e-4 * 2**i, "lora.dropout": 0.001 + 0.01 * i} for i in range(12)]
    axes = {axis.key: axis for axis in varied(evidence(chosen))}
    assert axes["training.learning_rate"].is_log and not axes["lora.dropout"].is_log
    assert axes["training.learning_rate"].position(1e-3) == -3


def test_seeds_are_no_parameter_and_the_name_stands_for_a_group() -> None:
    made = evidence([{"training.seed": 0, "data.name": "a"}, {"training.seed": 1, "data.name": "b"}])
    rows = [
        dataclasses.replace(row, swept=("training.seed", "data")) for row in made.ranking.places[0].configuration.trials
    ]
    configuration = dataclasses.replace(made.ranking.places[0].configuration, trials=tuple(rows))
    first = dataclasses.replace(made.ranking.places[0], configuration=configuration)
    ranking = dataclasses.replace(made.ranking, places=(first, *made.ranking.places[1:]))
    found = varied(dataclasses.replace(made, ranking=ranking, patterns=Patterns()))
    assert [axis.key for axis in found][:1] == ["data"] and found[0].levels == ("a", "b")


def test_sampled_values_fall_into_cells_of_equal_width_on_their_axis() -> None:
    chosen = [{"training.learning_rate": 10**-exponent} for exponent in np.linspace(3, 5, 30)]
    cells = Cells(varied(evidence(chosen))[0])
    assert cells.count == 8 and cells.index(-5.0) == 0 and cells.index(-3.0) == 7 and cells.index(-4.05) == 3


def test_long_names_keep_both_ends() -> None:
    name = shown("exp12_r16_a64_d05_" + 40 * "x" + "_augmented", 30)
    assert len(name) == 30 and name.startswith("exp12_r16") and name.endswith("_augmented")
    assert shown("a\nb") == "a b"


@pytest.mark.parametrize(("value", "typed"), [(2e-4, "2e-4"), (0.05, "0.05"), (1000, "1000"), (0, "0"), (3e5, "3e5")])
def test_numbers_are_shown_as_they_are_typed(value: float, typed: str) -> None:
    assert number(value) == typed


def test_units_are_named_where_they_are_known() -> None:
    assert metric_words("eval_alpaca_loss") == "eval_alpaca_loss (nats per token)"
    assert metric_words("token_accuracy") == "token_accuracy (share)"
    assert metric_words("eval_macro_f1") == "eval_macro_f1"
