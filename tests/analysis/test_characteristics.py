"""What a report says of how the winner trained."""

from __future__ import annotations

import dataclasses

from made_up import evidence_of, row

from analysis.curve import Curve, Points
from analysis.evidence import Evidence
from analysis.report.characteristics import lines


def told(curve: Curve, named: dict[str, Points] | None = None, metric: str = "eval_loss", **metrics: float) -> str:
    evidence = evidence_of([row(0, 1.2727, **{metric: 1.2727, **metrics})])
    points = {"eval_loss": curve.evals, **(named or {})}
    sweep = dataclasses.replace(
        evidence.sweep, curve=lambda trial: curve, points=lambda trial, name: points.get(name, ())
    )
    ranking = evidence.ranking
    if metric != "eval_loss":
        ranking = dataclasses.replace(ranking, metric=metric, direction="maximize")
        sweep = dataclasses.replace(sweep, records=dataclasses.replace(sweep.records, metric=metric))
    return "\n".join(lines(Evidence(sweep, ranking, evidence.patterns)))


def test_document_003s_improvement_is_computed() -> None:
    ends = ((1, 1.474), (2, 1.2727))
    text = told(Curve(evals=ends), {"epoch": ((1, 1.0), (2, 15.0))})
    assert "eval_loss: 1.4740 at epoch 1, 1.2727 at epoch 15, best 1.2727 at epoch 15." in text
    assert "from the first evaluation to the best: 0.2013, 13.7 %." in text
    assert "Convergence: 2 evaluations are too few" in text
    assert "Overfitting: cannot be told from fewer than three" in text
    assert "Time: not recorded." in text


def test_convergence_is_where_nearly_all_of_it_is_reached() -> None:
    evals = tuple((10 * step, 1 + 0.5**step) for step in range(10))
    text = told(
        Curve(evals=evals), {"tokens_per_s": ((5, 90.0), (10, 110.0))}, seconds=50.0, trainable_parameters=17408
    )
    assert "95 % of the improvement of eval_loss was reached by step 50." in text
    assert "Time: 50.0 s for 100 steps, 2.00 steps a second." in text
    assert "Throughput: 100 tokens a second (the median)." in text and "Trainable parameters: 17,408." in text
    assert "Success criteria: " in text


def test_what_got_worse_is_said() -> None:
    text = told(Curve(evals=((1, 1.0), (2, 1.5), (3, float("nan")), (4, 2.0))))
    assert "eval_loss: 1.0000 at step 1, 2.0000 at step 4, best 1.0000 at step 1." in text
    assert "Convergence: no evaluation was better than the first." in text


def test_more_may_be_better() -> None:
    accuracy = ((1, 0.5), (2, 0.8), (3, 0.75))
    curve = Curve(evals=((1, 2.0), (2, 1.0), (3, 1.5)))
    text = told(curve, {"eval_accuracy": accuracy}, metric="eval_accuracy", eval_accuracy=0.8)
    assert "eval_accuracy: 0.5000 at step 1, 0.7500 at step 3, best 0.8000 at step 2." in text
    assert "Improvement of eval_accuracy from the first evaluation to the best: 0.3000, 60.0 %." in text
    assert "Improvement of eval_loss from the first evaluation to the best: 1.0000, 50.0 %." in text
    assert "None of them looks at eval_accuracy." in text


def test_what_is_reached_at_the_last_evaluation_only_has_not_converged() -> None:
    text = told(Curve(evals=tuple((step, 2 - step / 10) for step in range(5))))
    assert "Convergence: none seen; eval_loss came to 95 % of its improvement at the last evaluation only." in text


def test_of_a_trial_without_a_curve_nothing_is_said_but_its_value() -> None:
    text = told(Curve())
    assert "- eval_loss: 1.2727. No curve is recorded, so nothing is known of improvement," in text
    assert "Convergence" not in text and "never finite" not in text
