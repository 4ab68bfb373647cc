"""Rank, alpha and gain: two of them decide the third, so that three are never looked at as if they were apart.

Gain is alpha / r, or alpha / sqrt(r) with rsLoRA (Kalajdzievski, 2023, arXiv:2312.03732).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.numeric import is_number
from analysis.patterns.pattern import Limit
from analysis.patterns.values import words

R, ALPHA, GAIN, RSLORA = "lora.r", "lora.alpha", "lora.gain", "lora.use_rslora"
KEYS = frozenset({R, ALPHA, GAIN, "lora.realised_gain", "lora.alpha_law", "lora.alpha_r"})
"""What is decided here."""


@dataclass(frozen=True)
class Scale:
    """Which of rank, alpha and gain are looked at, what is said of the others, and what cannot be said."""

    keys: tuple[str, ...]
    notes: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()


def gain(params: Mapping[str, Any]) -> float | None:
    """Returns the gain asked for or, where alpha was given, the one that it makes; None where it is not known."""
    asked = params.get(GAIN)
    if is_number(asked) and params.get("lora.alpha_law", "gain") == "gain":
        return float(asked)
    realised = params.get("lora.realised_gain")
    if is_number(realised):
        return float(f"{realised:.4g}")
    r, alpha = params.get(R), params.get(ALPHA)
    if not (is_number(r) and is_number(alpha) and r > 0):
        return None
    return float(f"{alpha / (math.sqrt(r) if params.get(RSLORA) is True else r):.4g}")


def scale(trials: Sequence[Mapping[str, Any]]) -> Scale:
    """Decides which of rank, alpha and gain are factors.

    Args:
        trials: Parameters of all trials asked for.

    Returns:
        Rank alone at a constant gain; rank and gain where gain was varied as such; rank and alpha where alpha was set
        by hand, and that gain is confounded with both.
    """
    ranks, gains, alphas = _distinct(trials, R), sorted(_gains(trials)), _distinct(trials, ALPHA)
    varied = tuple(key for key, values in ((R, ranks), (ALPHA, alphas)) if len(values) > 1)
    if len(gains) < 2:
        follows = f"lora.alpha follows lora.r at a constant gain of {words(gains[0])}" if gains else ""
        return Scale((R,) if gains else varied, (follows,) if ALPHA in varied and gains else ())
    if len(_distinct(trials, GAIN)) > 1:
        return Scale((R, GAIN), ("lora.alpha follows from lora.r and lora.gain",) if ALPHA in varied else ())
    if len(ranks) < 2:
        return _at_one_rank(alphas, ranks)
    return Scale(varied, (), (_confounded(trials, gains, ALPHA in varied),))


def _at_one_rank(alphas: Sequence[Any], ranks: Sequence[Any]) -> Scale:
    at = f" at lora.r={words(ranks[0])}" if ranks else ""
    if len(alphas) > 1:
        return Scale((ALPHA,), (f"lora.alpha and gain are one thing{at}",))
    return Scale((GAIN,))


def _confounded(trials: Sequence[Mapping[str, Any]], gains: Sequence[float], set_by_hand: bool) -> Limit:
    """Says that gain changes with rank."""
    by_rank: dict[Any, set[float]] = {}
    for params in trials:
        if (found := gain(params)) is not None and is_number(params.get(R)):
            by_rank.setdefault(params[R], set()).add(found)
    each = "; ".join(f"{R}={words(r)}: {_listed(found)}" for r, found in sorted(by_rank.items())[:6])
    which = "lora.alpha, lora.r and gain" if set_by_hand else "lora.r and gain"
    why = "lora.alpha was not set in proportion to lora.r" if set_by_hand else "lora.alpha was the same at every lora.r"
    law = "alpha / r, or alpha / sqrt(r) with rsLoRA"
    sentence = (
        f"{which} are confounded: {why}, so that the gain ({law}) goes from {words(gains[0])} to {words(gains[-1])} "
        f"with them (gain at {each}); what looks like an effect of rank or alpha may be one of gain"
    )
    return Limit("confounded", GAIN, sentence)


def _listed(gains: set[float]) -> str:
    shown = sorted(gains)[:4]
    return ", ".join(map(words, shown)) + (" …" if len(gains) > 4 else "")


def _distinct(trials: Sequence[Mapping[str, Any]], key: str) -> list[Any]:
    return list({params[key]: None for params in trials if is_number(params.get(key))})


def _gains(trials: Sequence[Mapping[str, Any]]) -> set[float]:
    return {found for params in trials if (found := gain(params)) is not None}
