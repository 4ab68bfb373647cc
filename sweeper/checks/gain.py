"""How loud the adapter is: alpha/r, or alpha/sqrt(r) with rsLoRA."""

from __future__ import annotations

import math
from collections.abc import Iterator

from sweeper.finding import Finding
from sweeper.gain import alpha_for
from sweeper.scene import Scene
from sweeper.tuned_alpha import USUAL_GAINS
from trainers.trial import Lora

USUAL = 2
"""The gain that the guide starts with (001, lora_alpha)."""


def check(scene: Scene) -> Iterator[Finding]:
    """Warns of a gain outside the documents' range, and of one that rsLoRA lifts there."""
    lora = scene.config.lora
    asked = lora.gain if lora.gain is not None and lora.alpha_law == "gain" else lora.realised_gain
    if USUAL_GAINS[0] <= asked <= USUAL_GAINS[1]:
        return
    yield _jump(lora) if _is_tuned_without(lora) else _outside(lora, asked)


def _is_tuned_without(lora: Lora) -> bool:
    """True where alpha was given, and is a usual one for alpha/r."""
    return lora.use_rslora and lora.gain is None and USUAL_GAINS[0] <= lora.alpha / lora.r <= USUAL_GAINS[1]


def _jump(lora: Lora) -> Finding:
    before = lora.alpha / lora.r
    return Finding(
        "warning",
        "lora.alpha",
        lora.alpha,
        f"gain {before:.3g} -> {lora.realised_gain:.1f}",
        f"rsLoRA divides alpha by sqrt({lora.r}), not {lora.r}: this alpha looks tuned for alpha/r",
        "001, use_rslora (common mistake)",
        f"lora.alpha={alpha_for(before, lora.r, True)}, or lora.gain={before:g} in its place",
    )


def _outside(lora: Lora, asked: float) -> Finding:
    key, value = ("lora.alpha", lora.alpha) if lora.gain is None else ("lora.gain", lora.gain)
    low, high = USUAL_GAINS
    root = math.sqrt(lora.r) if lora.use_rslora else lora.r
    number = f"gain {asked:.3g}: alpha {lora.alpha:g} / {'sqrt(r)' if lora.use_rslora else 'r'} {root:.3g}"
    effect = "the adapter is hardly heard" if asked < low else "it drowns the base, and is unstable"
    rule = f"{low} to {high} are documented; {effect}"
    remedy = f"lora.gain={USUAL}" + (" in place of lora.alpha" if lora.gain is None else "")
    return Finding("warning", key, value, number, rule, "001, lora_alpha and use_rslora; 002, Alpha", remedy)
