"""What a curve shows: every verdict by example, what excludes what, and curves of which little is known."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from analysis.curve import Curve, Points
from analysis.diagnosis import EXCLUDES, JUDGES, diagnose
from analysis.thresholds import Thresholds
from analysis.verdict import Verdict
from benchmarks.held_out_curves import held_out
from benchmarks.labelled_curves import NAMES, Labelled, score
from benchmarks.tuning_curves import tuning

NAN = math.nan
TEN = range(10, 101, 10)


def at(steps: range, *values: float) -> Points:
    return tuple(zip(steps, values, strict=True))


def names(curve: Curve, thresholds: Thresholds | None = None) -> list[str]:
    return [verdict.name for verdict in diagnose(curve, thresholds or Thresholds())]


def said(curve: Curve, name: str) -> Verdict:
    (found,) = [verdict for verdict in diagnose(curve) if verdict.name == name]
    return found


def decay(start: float, end: float, count: int = 50, every: int = 10, speed: float = 6.0) -> Points:
    """A loss that falls and flattens, with the noise of batches."""
    dice = random.Random(1)
    part = [1 - math.exp(-speed * step / count) for step in range(count)]
    return tuple((every * (n + 1), (start - (start - end) * done) * dice.gauss(1, 0.01)) for n, done in enumerate(part))


def evals(*values: float) -> Points:
    return tuple((500 * (n + 1) // len(values), value) for n, value in enumerate(values))


HEALTHY = {"losses": decay(2.5, 1.5), "evals": evals(1.9, 1.65, 1.57, 1.55, 1.546, 1.545), "steps": 500}


def healthy(**more: Any) -> Curve:
    return Curve(**{**HEALTHY, **more})


def rates(*shares: float) -> Points:
    return tuple((500 * (n + 1) // len(shares), 2e-4 * value) for n, value in enumerate(shares))


def cosine(steps: int = 500, ends: int = 500) -> Points:
    every = range(10, steps + 1, 10)
    return tuple((step, 5e-5 * max(1e-5, 0.5 * (1 + math.cos(math.pi * min(1, step / ends))))) for step in every)


def document_004(**more: Any) -> Curve:
    """The run of document 004: its figures at the ends, a straight line between."""
    losses = tuple((step, 2.7335 - 0.0185 * (step - 10) / 490) for step in range(10, 501, 10))
    norms = tuple((step, 0.0) for step, _ in losses)
    return Curve(losses, ((150, 2.9310), (300, 2.9310), (450, 2.9310)), grad_norms=norms, steps=500, **more)


def test_document_004s_failed_run_is_told_with_its_figures() -> None:
    curve = document_004(learning_rates=cosine(ends=212))
    assert names(curve) == ["dead_gradient", "stagnant_evaluation", "no_meaningful_learning", "lr_exhausted"]
    assert "from 2.7335 to 2.7150 (0.68 % better)" in said(curve, "no_meaningful_learning").evidence
    assert "are 2.9310, from steps 150, 300, 450" in said(curve, "stagnant_evaluation").evidence
    exhausted = said(curve, "lr_exhausted")
    assert exhausted.step == 200 and "for 60 % of the steps" in exhausted.evidence


def test_document_004s_real_cosine_is_not_exhausted() -> None:
    """It is at 65 % of its peak at step 200, whatever the document says."""
    assert "lr_exhausted" not in names(document_004(learning_rates=cosine()))


def test_a_healthy_curve_learns_and_nothing_else_is_said() -> None:
    assert names(healthy(learning_rates=cosine())) == ["learning"]
    assert names(healthy(losses=())) == ["learning"] == names(healthy(evals=()))


def test_a_curve_that_still_falls_at_its_end_may_go_on() -> None:
    assert names(healthy(evals=evals(2.2, 2.0, 1.8, 1.6, 1.4, 1.2))) == ["learning", "still_improving"]
    assert "still_improving" not in names(healthy(evals=evals(2.2, 2.0, 1.8), outcome="unfinished"))


@pytest.mark.parametrize(
    ("losses", "evaluations", "expected"),
    [
        ((3.0, 2.999, 2.99, 2.98), (2.9, 2.895, 2.89), "no_meaningful_learning"),
        ((3.0, 2.95, 2.9, 2.85), (2.9, 2.85, 2.80), "underfitting"),  # a drift of 5 %
        ((3.0, 2.6, 2.2, 1.8), (2.9, 2.5, 2.3), "learning"),
        ((3.0, 2.95, 2.9, 2.85), (2.9, 2.5, 2.3), "learning"),
    ],
)
def test_how_much_is_learned(losses: tuple[float, ...], evaluations: tuple[float, ...], expected: str) -> None:
    assert expected in names(Curve(at(range(5, 501, 150), *losses), evals(*evaluations), steps=500))


def test_what_has_hardly_begun_is_not_said_to_learn_nothing() -> None:
    begun = Curve(((10, 3.0), (20, 3.0)), steps=500, outcome="unfinished")
    assert names(begun) == [] and names(Curve(begun.losses, steps=20)) == ["no_meaningful_learning"]


def test_overfitting_begins_at_the_best_evaluation() -> None:
    rising = said(healthy(losses=decay(2.5, 0.2, speed=3), evals=evals(1.9, 1.6, 1.5, 1.6, 1.8, 2.0)), "overfitting")
    assert rising.step == 250 and "33.3 %" in rising.evidence and "a gap of" in rising.evidence
    stalled = said(healthy(losses=decay(2.5, 0.2, speed=3), evals=evals(1.9, 1.6, 1.6, 1.6, 1.599, 1.6)), "overfitting")
    assert stalled.step == 166
    with_the_loss = healthy(losses=decay(1.5, 2.5, speed=3), evals=evals(1.9, 1.6, 1.5, 1.6, 1.8, 2.0))
    assert "overfitting" not in names(with_the_loss)


@pytest.mark.parametrize(
    ("more", "step"),
    [
        ({"outcome": "diverged"}, None),
        ({"losses": (*decay(2.5, 1.5)[:30], (310, NAN))}, 310),
        ({"evals": evals(1.9, 1.7, math.inf)}, 500),
        ({"losses": (*decay(2.5, 1.5)[:30], (310, 1.7e308), (320, -1.7e308))}, 310),  # sums of these overflow
        ({"losses": (*decay(2.5, 2.2)[:10], *((step, 7.0) for step in range(110, 501, 10)))}, 110),
    ],
)
def test_divergence_is_all_that_is_said_of_a_loss_that_blew_up(more: dict[str, Any], step: int | None) -> None:
    curve = healthy(**more)
    assert names(curve) == ["diverged"] and said(curve, "diverged").step == step


def test_a_late_blow_up_of_what_was_good_is_a_collapse() -> None:
    losses = (*decay(2.5, 1.5)[:40], *((step, 4.0) for step in range(410, 501, 10)))
    assert (
        names(healthy(losses=losses)) == ["late_collapse"] and said(healthy(losses=losses), "late_collapse").step == 410
    )


def test_spikes_come_back_and_stand_out_of_the_noise() -> None:
    losses = list(decay(2.5, 1.5))
    losses[20] = (210, 6.0)
    assert names(healthy(losses=tuple(losses))) == ["spiky", "learning"]
    dice = random.Random(3)
    noisy = tuple((step, value * dice.gauss(1, 0.2)) for step, value in decay(2.5, 1.5))
    assert "spiky" not in names(healthy(losses=noisy))


def test_wild_gradient_norms_are_spikes() -> None:
    calm = [(10 * n, 1.0) for n in range(1, 51)]
    assert "spiky" in names(healthy(grad_norms=(*calm[:30], (310, 40.0), *calm[31:])))
    assert "spiky" not in names(healthy(grad_norms=((10, math.inf), *calm[1:])))  # fp16 looks for its scale
    assert "spiky" in names(healthy(grad_norms=(*((step, NAN) for step, _ in calm[:5]), *calm[5:])))


def test_swings_are_told_from_noise() -> None:
    swung = tuple((step, value * (1 + 0.3 * math.sin(step / 12))) for step, value in decay(2.5, 1.5))
    assert "oscillating" in names(healthy(losses=swung))
    assert "oscillating" in names(healthy(evals=evals(2.0, 1.5, 1.8, 1.5, 1.8, 1.5, 1.8, 1.5)))
    assert "oscillating" not in names(healthy(evals=evals(2.0, 1.5, 1.51, 1.5, 1.51, 1.5, 1.51, 1.5)))


def test_a_gradient_may_die_on_the_way() -> None:
    norms = [(10 * n, 1.0 if n < 30 else 0.0) for n in range(1, 51)]
    assert said(healthy(grad_norms=tuple(norms)), "dead_gradient").step == 300
    assert "dead_gradient" not in names(healthy(grad_norms=tuple(norms[:30])))  # a single 0.0
    assert "dead_gradient" not in names(healthy(grad_norms=((10, 0.0), (20, 0.0), (30, 0.5))))


def test_identical_evaluations_are_no_convergence() -> None:
    assert "stagnant_evaluation" in names(Curve(evals=((10, 2.5012345), (20, 2.5012345))))
    assert "stagnant_evaluation" not in names(Curve(evals=((10, 2.5), (20, 2.5))))  # as somebody rounded them
    assert "stagnant_evaluation" in names(Curve(evals=((10, 2.5), (20, 2.5), (30, 2.5))))
    assert "stagnant_evaluation" in names(healthy(evals=evals(1.9123, 1.7345, 1.6123, 1.6123, 1.6123)))
    assert "stagnant_evaluation" not in names(healthy(evals=evals(1.9, 1.7, 1.5, 1.501, 1.5, 1.5, 1.5)))  # three digits
    assert "stagnant_evaluation" not in names(healthy(evals=evals(1.9123, 1.7345, 1.6123, 1.6123)))


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([1 - n / 50 for n in range(1, 51)], False),  # linear to 0
        ([0.5 * (1 + math.cos(math.pi * n / 50)) for n in range(1, 51)], False),
        ([(1 - n / 50) ** 2 for n in range(1, 51)], False),
        ([n / 50 for n in range(1, 51)], False),  # only warming up
        ([1.0] * 25 + [0.001] * 25, True),
        ([1.0, 0.0, 1.0, 0.5, 0.2, 0.0], False),  # it restarts
        ([0.0] * 10, True),
    ],
)
def test_a_schedule_may_end_at_zero_but_not_early(shares: list[float], expected: bool) -> None:
    assert ("lr_exhausted" in names(healthy(learning_rates=rates(*shares)))) == expected


def test_steps_that_are_left_count_though_nothing_was_logged_of_them() -> None:
    ended = tuple((step, rate) for step, rate in cosine(ends=212) if step <= 230)
    assert "lr_exhausted" in names(Curve(learning_rates=ended, steps=500, outcome="unfinished"))
    assert "lr_exhausted" not in names(Curve(learning_rates=ended, steps=230))


def labelled(**values: tuple[float, ...]) -> Curve:
    return healthy(measured={f"eval_{name}": evals(*series) for name, series in values.items()})


def test_one_label_for_all_is_a_collapse_unless_nearly_all_have_it() -> None:
    shares = (0.6, 0.95, 0.97)
    assert "class_collapse" in names(labelled(predicted_share=shares, macro_f1=(0.4, 0.35, 0.3)))
    assert "class_collapse" in names(labelled(predicted_share=shares, accuracy=(0.4, 0.4, 0.4)))
    assert "class_collapse" not in names(labelled(predicted_share=shares, macro_f1=(0.5, 0.7, 0.8)))
    assert "class_collapse" not in names(labelled(predicted_share=(0.99, 0.7, 0.5), macro_f1=(0.3, 0.4, 0.45)))


def test_confidence_is_held_against_accuracy() -> None:
    assert "over_confident" in names(labelled(confidence=(0.7, 0.9, 0.95), accuracy=(0.6, 0.65, 0.65)))
    assert "over_confident" not in names(labelled(confidence=(0.6, 0.7, 0.9), accuracy=(0.6, 0.65, 0.85)))


def test_what_limits_the_minority_class_is_asked_at_its_best() -> None:
    curve = labelled(minority_f1=(0.3, 0.5, 0.4), minority_recall=(0.9, 0.4, 0.9), minority_precision=(0.2, 0.8, 0.3))
    assert "recall_limited" in names(curve) and said(curve, "recall_limited").step == 333
    other = labelled(minority_recall=(0.5, 0.5, 0.9), minority_precision=(0.5, 0.5, 0.5))
    assert "precision_limited" in names(other)
    assert "recall_limited" not in names(labelled(minority_recall=(0.78,) * 3, minority_precision=(0.8,) * 3))


def test_thresholds_are_settings() -> None:
    assert "no_meaningful_learning" not in names(document_004(), Thresholds(meaningful=0.005))


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        (Curve(), []),
        (Curve(((10, 2.0),), ((10, 2.0),), ((10, 1e-4),), ((10, 0.0),)), []),
        (Curve(((10, NAN), (20, NAN)), ((20, NAN),)), ["diverged"]),
        (Curve(tuple((step, 2.0) for step in TEN)), ["no_meaningful_learning"]),
        (Curve(tuple((step, 0.0) for step in TEN)), ["no_meaningful_learning"]),
    ],
)
def test_little_or_nothing_is_known(curve: Curve, expected: list[str]) -> None:
    assert names(curve) == expected


NUMBERS = some.floats(allow_nan=True, allow_infinity=True, width=32) | some.floats(0, 10)
POINTS = some.lists(NUMBERS, max_size=30).map(lambda values: tuple(zip(range(1, 31), values, strict=False)))


@settings(max_examples=150, deadline=None)
@given(
    some.lists(POINTS, min_size=4, max_size=4),
    some.none() | some.integers(0, 40),
    some.sampled_from(["complete", "pruned"]),
)
def test_no_curve_is_too_odd(curves: list[Points], steps: int | None, outcome: str) -> None:
    losses, evaluations, rate, norms = curves
    measured = {"eval_predicted_share": norms, "eval_confidence": rate, "eval_accuracy": losses}
    measured |= {"eval_minority_recall": norms, "eval_minority_precision": losses}
    found = diagnose(Curve(losses, evaluations, rate, norms, measured, steps, outcome))
    assert all(0.5 <= verdict.strength <= 1 and verdict.evidence for verdict in found)
    order = list(JUDGES)
    assert [verdict.name for verdict in found] == sorted((verdict.name for verdict in found), key=order.index)
    told = {verdict.name for verdict in found}
    assert not any(told & EXCLUDES.get(name, frozenset()) for name in told)


def test_every_verdict_has_its_judge() -> None:
    assert set(JUDGES) == set(NAMES)


def test_a_slice_of_the_benchmark_is_diagnosed() -> None:
    found = score([*tuning(0.4), *held_out(0.4)])
    assert found.curves > 300 and found.false_alarms < 0.02
    poor = {name: counts for name, counts in found.counts.items() if min(counts.precision, counts.recall) < 0.85}
    assert not poor


def test_what_is_merely_allowed_counts_neither_way() -> None:
    curve = healthy()
    assert score([(curve, {"learning"})]).counts["learning"].right == 1
    assert score([Labelled(curve, {"spiky"}, {"learning"})]).counts["learning"].wrong == 0
    assert score([(curve, {"spiky"})]).counts["learning"].wrong == 1
    assert score([(document_004(), {"learning"})]).false_alarms == 1.0
