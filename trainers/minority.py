"""How well the rarest class is found: precision, recall and F1 at the threshold where F1 is best."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence


def minority_of(labels: Iterable[int | None]) -> int | None:
    """Returns the class with the fewest rows, the first among equals; None where no row has a class."""
    counts = Counter(label for label in labels if label is not None)
    return min(sorted(counts), key=counts.__getitem__, default=None)


def minority_scores(truth: Sequence[bool], scores: Sequence[float]) -> dict[str, float]:
    """Measures a class against the rest, where rows are taken for it from some score on.

    Args:
        truth: Whether each row is of the class.
        scores: How probable the model finds it, from 0 to 1.

    Returns:
        `eval_minority_f1`, `eval_minority_precision` and `eval_minority_recall` at `minority_threshold`, the score of
        a row. It is chosen on these very rows, for the best F1 and the highest threshold among equals: an upper bound
        of what another set of rows will show.
    """
    ranked = sorted(zip(scores, truth, strict=True), key=lambda row: -row[0])
    points, taken, hits, members = [], 0, 0, sum(truth)
    for score, equals in itertools.groupby(ranked, key=lambda row: row[0]):
        found = [is_member for _, is_member in equals]
        taken, hits = taken + len(found), hits + sum(found)
        points.append((2 * hits / (taken + members), hits, taken, score))
    f1, hits, taken, threshold = max(points, key=lambda point: point[0])  # the first is the highest threshold
    return {
        "eval_minority_f1": f1,
        "eval_minority_precision": hits / taken,
        "eval_minority_recall": hits / members if members else 0.0,
        "minority_threshold": threshold,
    }


def at_threshold(truth: Sequence[bool], scores: Sequence[float], threshold: float) -> dict[str, float]:
    """Measures a class against the rest at a threshold that was chosen on other rows.

    Args:
        truth: Whether each row is of the class.
        scores: How probable the model finds it, from 0 to 1.
        threshold: The score from which on rows are taken for the class.

    Returns:
        `eval_minority_f1`, `eval_minority_precision` and `eval_minority_recall`, 0 where nothing was taken or there is
        nothing to find, and `minority_threshold`, the threshold given.
    """
    taken = [score >= threshold for score in scores]
    hits = sum(a and b for a, b in zip(truth, taken, strict=True))
    both = sum(truth) + sum(taken)
    return {
        "eval_minority_f1": 2 * hits / both if both else 0.0,
        "eval_minority_precision": hits / sum(taken) if any(taken) else 0.0,
        "eval_minority_recall": hits / sum(truth) if any(truth) else 0.0,
        "minority_threshold": threshold,
    }
