"""What a curve can show, one pure function each: (curve, thresholds) -> Verdict, or None where it does not show it."""

from analysis.verdicts.dead_gradient import dead_gradient
from analysis.verdicts.diverged import diverged
from analysis.verdicts.labels import class_collapse, over_confident
from analysis.verdicts.late_collapse import late_collapse
from analysis.verdicts.learning import learning
from analysis.verdicts.lr_exhausted import lr_exhausted
from analysis.verdicts.minority import precision_limited, recall_limited
from analysis.verdicts.no_meaningful_learning import no_meaningful_learning
from analysis.verdicts.oscillating import oscillating
from analysis.verdicts.overfitting import overfitting
from analysis.verdicts.spiky import spiky, wild_gradient
from analysis.verdicts.stagnant_evaluation import stagnant_evaluation
from analysis.verdicts.still_improving import still_improving
from analysis.verdicts.underfitting import underfitting

__all__ = [
    "class_collapse",
    "dead_gradient",
    "diverged",
    "late_collapse",
    "learning",
    "lr_exhausted",
    "no_meaningful_learning",
    "oscillating",
    "over_confident",
    "overfitting",
    "precision_limited",
    "recall_limited",
    "spiky",
    "stagnant_evaluation",
    "still_improving",
    "underfitting",
    "wild_gradient",
]
