"""Remedies that turn the adapter: its gain, rank, dropout, targets, biases and precision."""

from __future__ import annotations

import math
from typing import Any

from analysis.remedy import Params, Remedy, changed, in_words, moved, number, positive
from analysis.verdict import Verdict

DROPOUTS = (0.0, 0.03, 0.05, 0.1)
"""001, lora_dropout: "change dropout in notches, not tiny increments"."""

RANKS = (4, 64)
"""The least and the largest rank that 001 gives without asking for proof (rank_lora, "Dataset size")."""

GAINS = (0.5, 4.0)
"""Half of 001's careful gain, which its micro-sweep still tries, and the largest of "often around 1-4"."""

_ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
_MLP = ("gate_proj", "up_proj", "down_proj")

_WIDER = {
    **{"qv": "attention", "attention_mlp": None},
    **dict.fromkeys(("attention", "mlp", "qvo_gate", "qvo_mlp"), "attention_mlp"),
}
"""What is wider than each named set of modules."""

_ALPHA_HIGH = "001, lora_alpha: symptoms of too high"
_RSLORA = "001, use_rslora"


def weaker(params: Params, verdict: Verdict) -> Remedy | None:
    """Halves the gain; where rsLoRA was turned on over an alpha for alpha/r, takes the gain that it was meant for."""
    r, alpha = positive(params, "lora.r"), positive(params, "lora.alpha")
    is_rslora = bool(params.get("lora.use_rslora"))
    source = _RSLORA if is_rslora else _ALPHA_HIGH
    if not r or not alpha:
        return in_words("reduce the gain: lora_alpha ÷2", source)
    meant = alpha / r
    if is_rslora and 1 <= meant <= GAINS[1] < _gain(params, r, alpha):
        return _with_gain(params, meant / _gain(params, r, alpha), f"{_RSLORA}: gain-matching")
    return _with_gain(params, 0.5, source)


def weaker_first(params: Params, verdict: Verdict) -> Remedy | None:
    """As `weaker`, under rsLoRA alone: there alpha is turned before the learning rate."""
    return weaker(params, verdict) if params.get("lora.use_rslora") else None


def weaker_later(params: Params, verdict: Verdict) -> Remedy | None:
    """As `weaker`, without rsLoRA: there the learning rate is turned first."""
    return None if params.get("lora.use_rslora") else weaker(params, verdict)


def stronger(params: Params, verdict: Verdict) -> Remedy | None:
    """Doubles the gain, or half as much again where that would be more than 4."""
    source = f"{_RSLORA}: smoke test"
    if not positive(params, "lora.r") or not positive(params, "lora.alpha"):
        return in_words("raise the gain: lora_alpha times 1.5 to 2", source)
    return _with_gain(params, 2.0, source) or _with_gain(params, 1.5, source)


def halved_afterwards(params: Params, verdict: Verdict) -> Remedy | None:
    """Says that a trained adapter can be turned down without training again."""
    alpha = positive(params, "lora.alpha")
    what = f"lora_alpha {alpha:g} → {alpha / 2:g}" if alpha else "lora_alpha ÷2"
    return in_words(f"without training again: {what} in the trained adapter's adapter_config.json", _ALPHA_HIGH)


def _gain(params: Params, r: float, alpha: float) -> float:
    """Returns alpha/r, or alpha/sqrt(r) with rsLoRA (Hu et al. 2021; Kalajdzievski 2023)."""
    return alpha / (math.sqrt(r) if params.get("lora.use_rslora") else r)


def _with_gain(params: Params, factor: float, source: str) -> Remedy | None:
    """Turns what alpha follows from: the gain where that is set, else alpha itself."""
    r, alpha, asked = params["lora.r"], params["lora.alpha"], positive(params, "lora.gain")
    old = _gain(params, r, alpha)
    new_alpha = round(alpha * factor)
    new = _gain(params, r, new_alpha)
    if new_alpha < 1 or new_alpha == alpha or (new < GAINS[0] if factor < 1 else new > GAINS[1]):
        return None
    if asked is None:
        return changed("lora.alpha", alpha, new_alpha, source, f" (gain {old:.3g} → {new:.3g})")
    return changed("lora.gain", asked, asked * factor, source, f" (alpha {alpha:g} → {new_alpha})")


def fewer_ranks(params: Params, verdict: Verdict) -> Remedy | None:
    """Halves the rank at the same gain."""
    source, r = "001, rank_lora: overfitting", positive(params, "lora.r")
    if not r:
        return in_words("halve the rank, and lora_alpha with it so that the gain stays", source)
    return _with_rank(params, int(r) // 2, source) if r // 2 >= RANKS[0] else None


def more_ranks(params: Params, verdict: Verdict) -> Remedy | None:
    """Doubles the rank at the same gain, up to 64."""
    source, r = "001, rank_lora: underfitting", positive(params, "lora.r")
    if not r:
        return in_words("double the rank, and lora_alpha with it so that the gain stays; re-check dropout", source)
    return _with_rank(params, min(2 * int(r), RANKS[1]), source, "; re-check dropout") if r < RANKS[1] else None


def _with_rank(params: Params, r: int, source: str, more: str = "") -> Remedy | None:
    old, alpha, asked = params["lora.r"], positive(params, "lora.alpha"), positive(params, "lora.gain")
    if not alpha:
        return changed("lora.r", old, r, source, more)
    gain = _gain(params, old, alpha)
    new_alpha = max(1, round(gain * (math.sqrt(r) if params.get("lora.use_rslora") else r)))
    made = changed("lora.r", old, r, source, f" (alpha {alpha:g} → {new_alpha}: gain {gain:.3g} kept){more}")
    if asked is None:
        return Remedy(f"{made.override} lora.alpha={new_alpha}", made.text, source)
    if params.get("lora.alpha_law", "gain") == "gain":  # alpha follows
        return made
    # Another law would change the gain along with the rank.
    return Remedy(f"{made.override} lora.alpha_law=gain lora.gain={gain:.6g}", made.text, source)


def more_dropout(params: Params, verdict: Verdict) -> Remedy | None:
    """Raises dropout by a notch."""
    told, source = "raise lora_dropout a notch (0, 0.03, 0.05, 0.1)", "001, lora_dropout: overfitting"
    return moved(params, "lora.dropout", lambda now: (item for item in DROPOUTS if item > now), told, source)


def less_dropout(params: Params, verdict: Verdict) -> Remedy | None:
    """Lowers dropout by a notch."""
    told, source = "lower lora_dropout a notch (0.1, 0.05, 0.03, 0)", "001, lora_dropout: underfitting"
    return moved(params, "lora.dropout", lambda now: (item for item in reversed(DROPOUTS) if item < now), told, source)


def dropout_for_recall(params: Params, verdict: Verdict) -> Remedy | None:
    """Sets the dropout that 001 wants where recall is what limits a minority's F1."""
    return _dropout(params, 0.03, "001, lora_dropout: recall-limited")


def dropout_for_precision(params: Params, verdict: Verdict) -> Remedy | None:
    """Sets the dropout that 001 wants where precision is what limits a minority's F1."""
    return _dropout(params, 0.1, "001, lora_dropout: precision-limited")


def _dropout(params: Params, wanted: float, source: str) -> Remedy | None:
    dropout = number(params, "lora.dropout")
    if dropout is None:
        return in_words(f"lora_dropout {wanted:g}", source)
    has_it = dropout <= wanted if wanted < DROPOUTS[-1] else dropout >= wanted
    return None if has_it else changed("lora.dropout", dropout, wanted, source)


def wider_targets(params: Params, verdict: Verdict) -> Remedy | None:
    """Adapts more modules: all of attention, then all linear layers."""
    source, targets = "001, rank_lora: more modules before more rank", params.get("lora.target_modules")
    if not targets:
        return in_words("adapt more modules: attention and MLP, or all linear layers", source)
    wider = _wider(targets)
    if wider is None:
        return None
    return changed("lora.target_modules", _listed(targets), wider, source, "; re-check dropout")


def _wider(targets: Any) -> str | None:
    if str(targets) in _WIDER:
        return _WIDER[str(targets)]
    named = set(map(str, targets)) if isinstance(targets, list) else {str(targets)}
    if named == {"all-linear"} or named >= {*_ATTENTION, *_MLP}:
        return None
    return _listed(list(_ATTENTION)) if named < set(_ATTENTION) else "all-linear"


def _listed(targets: Any) -> str:
    return f"[{','.join(map(str, targets))}]" if isinstance(targets, list) else str(targets)


def no_bias(params: Params, verdict: Verdict) -> Remedy | None:
    """Leaves the biases alone."""
    bias = params.get("lora.bias", "none")
    return None if bias == "none" else changed("lora.bias", str(bias), "none", "001, bias: overfitting risk")


def full_precision(params: Params, verdict: Verdict) -> Remedy | None:
    """Trains the adapter in float32: under nf4, bfloat16 leaves most of it untouched at ordinary rates."""
    dtype = params.get("lora.dtype", "float32")
    why = ": small updates are lost in 16 bits"
    return None if dtype == "float32" else changed("lora.dtype", str(dtype), "float32", "measured here", why)
