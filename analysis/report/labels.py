"""The report's labels: how well each one is found by the trial that is recommended, and what it is taken for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analysis.chosen import chosen
from analysis.confusion import ClassCount, Confusion
from analysis.evidence import Evidence
from analysis.markdown import escape, table
from analysis.records import TrialRow

_MOST_LABELS = 20
"""Labels up to which all are shown."""
_MOST_COLUMNS = 10
"""Labels up to which the matrix is shown, not only its largest cells."""
_MOST_CELLS = 15

_RATES = (
    ("eval_accuracy", "accuracy"),
    ("eval_macro_f1", "macro-F1"),
    ("eval_weighted_f1", "weighted F1"),
    ("eval_ece", "calibration error"),
    ("eval_generated_accuracy", "accuracy of free answers"),
    ("eval_outside_rate", "free answers outside the labels"),
    ("eval_outside_probability", "probability outside the labels"),
)


def lines(evidence: Evidence) -> Iterator[str]:
    """Returns the section; nothing where rows have no labels."""
    trial = chosen(evidence)
    if trial is None or trial.confusion is None:
        return
    found = trial.confusion
    yield "## Labels"
    yield ""
    yield f"Of **{escape(trial.name)}** at its best evaluation (step {found.step:,}), {found.rows:,} validation rows."
    yield from _rates(trial)
    yield ""
    yield from _classes(found)
    yield ""
    yield from _mistakes(found)


def _rates(trial: TrialRow) -> Iterator[str]:
    told = [f"{words} {trial.metrics[key]:.4f}" for key, words in _RATES if key in trial.metrics]
    if told:
        yield ""
        yield f"{told[0][0].upper()}{'; '.join(told)[1:]}."


def _classes(found: Confusion) -> Iterator[str]:
    shown: Sequence[ClassCount] = found.classes
    if found.of > _MOST_LABELS:
        with_rows = [item for item in shown if item.rows]
        shown = sorted(with_rows, key=lambda item: (item.f1, -item.rows))[:_MOST_LABELS]
        yield f"The {len(shown)} labels of {found.of:,} that are found worst:"
        yield ""
    yield from table(
        [
            {
                "Label": item.label,
                "Rows": f"{item.rows:,}",
                "Predicted": f"{item.predicted:,}",
                "Precision": f"{item.precision:.3f}",
                "Recall": f"{item.recall:.3f}",
                "F1": f"{item.f1:.3f}",
            }
            for item in shown
        ]
    )


def _mistakes(found: Confusion) -> Iterator[str]:
    if not found.cells:
        yield "No row was taken for another label."
    elif found.of <= _MOST_COLUMNS and found.is_whole:
        yield "Rows by true label (down) and predicted label (across):"
        yield ""
        yield from table(_matrix(found))
    else:
        yield "What is confused most often:"
        yield ""
        names = ("True", "Predicted", "Rows")
        cells = found.cells[:_MOST_CELLS]
        yield from table([dict(zip(names, (true, taken, f"{rows:,}"), strict=True)) for true, taken, rows in cells])


def _matrix(found: Confusion) -> list[dict[str, str]]:
    wrong = {(true, taken): rows for true, taken, rows in found.cells}
    right = {(item.label, item.label): item.right for item in found.classes}
    labels = [item.label for item in found.classes]
    return [
        {"": row, **{escape(column): f"{(wrong | right).get((row, column), 0):,}" for column in labels}}
        for row in labels
    ]
