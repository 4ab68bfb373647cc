"""What can be said of a curve, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Name = Literal[
    "learning",
    "no_meaningful_learning",
    "underfitting",
    "overfitting",
    "diverged",
    "spiky",
    "oscillating",
    "dead_gradient",
    "stagnant_evaluation",
    "lr_exhausted",
    "still_improving",
    "late_collapse",
    "class_collapse",
    "over_confident",
    "recall_limited",
    "precision_limited",
]


@dataclass(frozen=True)
class Verdict:
    """One thing that a curve shows.

    `strength` is 0.5 where a threshold is just met and comes near 1 far beyond it. `evidence` is a sentence with the
    numbers; `step` is where it begins, None where it is about the whole run.
    """

    name: Name
    strength: float
    evidence: str
    step: int | None = None
