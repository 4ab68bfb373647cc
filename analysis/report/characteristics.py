"""How the recommended trial trained: where it began and ended, what its curve shows, what it took."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from typing import Any

from analysis.bounds import Bounds, bounds
from analysis.chosen import chosen
from analysis.criteria import criteria_table
from analysis.curve import Curve, Points
from analysis.diagnosis_page import Diagnosed, diagnosed, words
from analysis.evidence import Evidence
from analysis.json_tag import mapping
from analysis.markdown import escape
from analysis.recorded_run import RecordedRun
from analysis.records import JUDGED, TrialRow

_MOST_OF_IT = 0.95
"""Of the whole improvement, after which a curve counts as converged: the usual three time constants (1 - e^-3)."""


_JUDGED = {"eval_loss", "eval_perplexity", "eval_token_accuracy"}
"""Metrics that the criteria judge, by what they are computed from."""


def lines(evidence: Evidence) -> Iterator[str]:
    """Yields the section."""
    yield from ("## Training characteristics", "")
    trial = chosen(evidence)
    if trial is None:
        yield from ("No trial completed.", "")
        return
    curve = evidence.sweep.curve(trial.trial)
    points = evidence.sweep.evaluations(trial.trial)
    yield from (f"Of {escape(trial.name)}:", "")
    yield from (f"- {told}" for told in _told(evidence, trial, curve, points))
    yield ""
    found = diagnosed(RecordedRun(trial.name, curve, trial.params), _bounds(evidence))
    yield from _verdicts(found)
    known = [row for row in found.criteria if row.met is not None]
    if known:
        met = sum(row.met is True for row in known)
        metric = evidence.ranking.metric
        blind = "" if metric in _JUDGED else f" None of them looks at {escape(metric)}."
        silent = "; of the others the curve says nothing" if len(known) < len(found.criteria) else ""
        yield from (f"Success criteria: {met} of {len(known)} are met{silent}.{blind}", "", *criteria_table(known), "")


def _told(evidence: Evidence, trial: TrialRow, curve: Curve, points: Points) -> Iterator[str]:
    metric, sign = evidence.ranking.metric, evidence.ranking.sign
    place = dict(evidence.sweep.points(trial.trial, "epoch")).get
    if not points:
        yield _without_curve(metric, trial)
        yield from _spent(trial, ())
        return
    yield from _improved(metric, sign, points, place)
    if metric != "eval_loss" and len(curve.evals) > 1:
        yield from _improved("eval_loss", 1, curve.evals, place)
    yield from _converged(metric, sign, points, place)
    yield from _overfitting(trial, curve)
    yield from _spent(trial, evidence.sweep.points(trial.trial, "tokens_per_s"))


def _without_curve(metric: str, trial: TrialRow) -> str:
    value = trial.metrics.get(metric)
    told = f"{metric}: {value:.4f}. " if value is not None else ""
    return f"{told}No curve is recorded, so nothing is known of improvement, convergence or overfitting."


def _at(step: int, epoch: Any) -> str:
    """Names a point of a curve: by its epoch where the run counts those alone."""
    found = epoch(step)
    return f"step {step:,}" if found is None else f"epoch {found:g}"


def _improved(metric: str, sign: int, points: Points, epoch: Any) -> Iterator[str]:
    finite = [point for point in points if math.isfinite(point[1])]
    if len(finite) < 2:
        yield f"{metric}: " + (f"{finite[0][1]:.4f}, evaluated once." if finite else "never finite.")
        return
    (first_step, first), (last_step, last) = finite[0], finite[-1]
    best_step, best = min(finite, key=lambda point: (sign * point[1], point[0]))
    yield (
        f"{metric}: {first:.4f} at {_at(first_step, epoch)}, {last:.4f} at {_at(last_step, epoch)}, "
        f"best {best:.4f} at {_at(best_step, epoch)}."
    )
    gained = sign * (first - best)
    relative = f", {100 * gained / abs(first):.1f} %" if first else ""
    verb = "Improvement" if gained >= 0 else "Change for the worse"
    yield f"{verb} of {metric} from the first evaluation to the best: {abs(gained):.4f}{relative.replace('-', '')}."


def _converged(metric: str, sign: int, points: Points, epoch: Any) -> Iterator[str]:
    finite = [(step, sign * value) for step, value in points if math.isfinite(value)]
    if len(finite) < 3:
        yield f"Convergence: {len(finite)} evaluations are too few to say anything."
        return
    first, best = finite[0][1], min(value for _, value in finite)
    wanted = first - _MOST_OF_IT * (first - best)
    step = next(step for step, value in finite if value <= wanted)
    share = f"{100 * _MOST_OF_IT:.0f} %"
    if best >= first:
        yield "Convergence: no evaluation was better than the first."
    elif step == finite[-1][0]:
        yield f"Convergence: none seen; {metric} came to {share} of its improvement at the last evaluation only."
    else:
        yield f"Convergence: {share} of the improvement of {metric} was reached by {_at(step, epoch)}."


def _overfitting(trial: TrialRow, curve: Curve) -> Iterator[str]:
    if "overfitting" in trial.verdicts:
        yield "Overfitting: yes; see below."
    elif len(curve.evals) < 3:
        yield "Overfitting: cannot be told from fewer than three evaluations of the loss."
    else:
        yield "Overfitting: the curve of the evaluation loss shows none."


def _spent(trial: TrialRow, speeds_at: Points) -> Iterator[str]:
    seconds, steps = trial.metrics.get("seconds"), trial.metrics.get("steps")
    if seconds:
        rate = f", {steps / seconds:.2f} steps a second" if steps else ""
        taken = f"{seconds:,.1f} s" if seconds < 7200 else f"{seconds / 3600:.1f} h"
        yield f"Time: {taken} for {steps:,.0f} steps{rate}." if steps else f"Time: {taken}."
    else:
        yield "Time: not recorded."
    speeds = [value for _, value in speeds_at if math.isfinite(value)]
    if speeds:
        yield f"Throughput: {statistics.median(speeds):,.0f} tokens a second (the median)."
    parameters = trial.metrics.get("trainable_parameters")
    if parameters:
        yield f"Trainable parameters: {parameters:,.0f}."


def _bounds(evidence: Evidence) -> Bounds:
    """Returns what the sweep holds its curves against."""
    return bounds(mapping(evidence.sweep.tags, JUDGED))


def _verdicts(found: Diagnosed) -> Iterator[str]:
    if not found.verdicts:
        yield from ("What the curve shows: too little to say anything.", "")
        return
    yield from ("What the curve shows:", "")
    for verdict, _ in found.verdicts:
        yield f"- **{words(verdict)}** (strength {verdict.strength:.2f}): {escape(verdict.evidence)}"
    yield from ("", "What to try next: `lora-report diagnose`.", "")
