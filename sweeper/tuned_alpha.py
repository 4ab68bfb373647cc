"""An alpha that was tuned at one rank, in a command that varies what alpha follows: its gain is kept, and said.

Turning rsLoRA on over `r=32, alpha=64` would lift the gain from 2 to 11.3 (tuning guide, use_rslora, "common mistake").
"""

from __future__ import annotations

import dataclasses

from sweeper.composition import Composer
from sweeper.space import Space
from sweeper.validation import Problem

USUAL_GAINS = (1, 4)
"""Tuning guide, use_rslora: "a stable effective gain g (often around 1-4)"."""

_FOLLOWED = {"lora.use_rslora", "lora.alpha_law"}


def kept_gain(space: Space, composer: Composer, derives: bool) -> tuple[Space, list[Problem]]:
    """Puts the gain of a given alpha in its place.

    Args:
        space: What the command varies and sets.
        composer: Composes its trials.
        derives: Whether the command asks for a procedure, where alpha is always derived.

    Returns:
        The space, in which alpha gives way to its gain where rsLoRA or an alpha law is varied, in a procedure, and
        where the command turns rsLoRA on over a configuration's alpha; and what to say of it.
    """
    lora, varied = composer.plain("lora"), {axis.key for axis in space.axes}
    alpha, r, said = lora["alpha"], lora["r"], space.keys_set
    turned_on = bool(lora["use_rslora"]) and "lora.use_rslora" in said and "lora.alpha" not in said
    if "lora.alpha" in varied or not (derives or turned_on or varied & _FOLLOWED):
        return space, []
    if not all(isinstance(item, (int, float)) and not isinstance(item, bool) and item > 0 for item in (alpha, r)):
        return space, []
    gain = alpha / (r**0.5 if lora["use_rslora"] and not turned_on else r)
    others = (item for item in space.fixed if not item.lstrip("+").startswith(("lora.alpha=", "lora.gain=")))
    strong = f", where {USUAL_GAINS[0]} to {USUAL_GAINS[1]} are usual" if gain > USUAL_GAINS[1] else ""
    rule = f"at rank {r} that is a gain of {gain:.4g}{strong}, which is kept: alpha follows"
    note = Problem("lora.alpha", alpha, rule, f"lora.gain={gain:.4g}")
    return dataclasses.replace(space, fixed=(*others, "lora.alpha=null", f"lora.gain={gain!r}")), [note]
