"""Remedies that turn how long, on how much and how steadily a run trains."""

from __future__ import annotations

import math

from analysis.remedy import Params, Remedy, changed, in_words, moved, number, positive
from analysis.verdict import Verdict

DECAYS = (0.0, 0.001, 0.01, 0.03, 0.1)
"""001, weight_decay, "Simple Default": none or little for much data, the default, and two for overfitting."""

MOST_EPOCHS = 10
"""002, training epochs: the most it gives, for the smallest data sets."""

EFFECTIVE_BATCH = 32
"""004, approach 1."""

_DECAY = "training.weight_decay"
_DEFAULT_DECAY = 0.01
_PATIENCE = 3  # evaluations (ours)
_IMBALANCED = "000, Data Augmentation / Label Smoothing"
_STEPS, _EPOCHS = "training.max_steps", "training.num_train_epochs"
_ROWS, _ACCUMULATION = "training.per_device_train_batch_size", "training.gradient_accumulation_steps"


def longer(params: Params, verdict: Verdict) -> Remedy | None:
    """Trains on: the whole run where it was cut short, else twice the steps or epochs."""
    steps, epochs, stop = (number(params, key) for key in (_STEPS, _EPOCHS, "training.stop_at"))
    if stop is not None:
        return changed("training.stop_at", stop, "null", "001, learning_rate: too low", ": the whole schedule")
    if steps is not None and steps >= 1:
        return changed(_STEPS, steps, 2 * steps, "004, approach 1: 500 to 2,000 steps")
    source = "002, num_train_epochs: underfitting"
    if epochs is None:
        return in_words("train longer: more steps or epochs", source)
    return changed(_EPOCHS, epochs, min(2 * epochs, MOST_EPOCHS), source) if epochs < MOST_EPOCHS else None


def shorter(params: Params, verdict: Verdict) -> Remedy | None:
    """Ends earlier: where the verdict begins, or after half of the steps or epochs."""
    source, steps, epochs = "002, num_train_epochs: overfitting", number(params, _STEPS), number(params, _EPOCHS)
    if steps is not None and steps >= 1:
        step = verdict.step
        until = step if step is not None and 0 < step < steps else int(steps) // 2
        return changed(_STEPS, steps, until, source) if until >= 1 else None
    if epochs is None:
        return in_words("fewer epochs", source)
    return changed(_EPOCHS, epochs, max(1, math.ceil(epochs / 2)), source) if epochs > 1 else None


def early_stopping(params: Params, verdict: Verdict) -> Remedy | None:
    """Stops a run that no longer gets better."""
    key, source = "training.early_stopping_patience", "004, Training Stability"
    if key not in params:
        return in_words(f"stop after {_PATIENCE} evaluations without a better one", source)
    return changed(key, "null", _PATIENCE, source, " evaluations") if params[key] is None else None


def more_decay(params: Params, verdict: Verdict) -> Remedy | None:
    """Raises weight decay: to 001's default, and from there by a notch."""
    told, source, usual = "weight decay up (0.01, 0.03, 0.1)", "001, weight_decay: too low", _DEFAULT_DECAY
    return moved(params, _DECAY, lambda now: (item for item in DECAYS if item > now and item >= usual), told, source)


def less_decay(params: Params, verdict: Verdict) -> Remedy | None:
    """Lowers weight decay by a notch."""
    told, source = "weight decay down", "001, weight_decay: too high"
    return moved(params, _DECAY, lambda now: (item for item in reversed(DECAYS) if item < now), told, source)


def larger_batch(params: Params, verdict: Verdict) -> Remedy | None:
    """Averages each update over more rows, up to an effective batch of 32; in 4 bits of micro-batches of 2."""
    rows, turns = positive(params, _ROWS), positive(params, _ACCUMULATION)
    if not rows or not turns:
        return in_words("a larger effective batch (32), by accumulation", "004, Critical Issues 3")
    if rows * turns >= EFFECTIVE_BATCH:
        return None
    if rows == 1 and params.get("quantization.name") == "nf4":
        turns_of_two = EFFECTIVE_BATCH // 2
        made = changed(_ROWS, rows, 2, "004, Critical Issues 3", f", effective batch {turns:g} → {EFFECTIVE_BATCH}")
        return Remedy(f"{made.override} {_ACCUMULATION}={turns_of_two}", made.text, made.source)
    why = f" (effective batch {rows * turns:g} → {2 * rows * turns:g})"
    return changed(_ACCUMULATION, turns, 2 * turns, "001, gradient_accumulation_steps: too low", why)


def eight_bits(params: Params, verdict: Verdict) -> Remedy | None:
    """Stores the base in 8 bits in place of 4; LoftQ has corrected 4 bits, and stays with them."""
    if params.get("quantization.name") != "nf4" or params.get("lora.init_lora_weights") == "loftq":
        return None
    return changed("quantization", "nf4", "int8", "004, approach 3")


def clipping(params: Params, verdict: Verdict) -> Remedy | None:
    """Clips the gradient's norm to 1 where it is not, or hardly."""
    norm = number(params, "training.max_grad_norm")
    if norm is None or 0 < norm <= 1:
        return None
    return changed("training.max_grad_norm", norm, "1.0", "004, approach 1; 001, learning_rate: stabilizers")


def wider_range(params: Params, verdict: Verdict) -> Remedy | None:
    """Computes in bfloat16 in place of float16, whose gradients vanish or overflow sooner."""
    if params.get("model.dtype") != "float16":
        return None
    return changed("model.dtype", "float16", "bfloat16", "001, warmup_steps: NaNs with fp16")


def check_what_trains(params: Params, verdict: Verdict) -> Remedy | None:
    """Says what else keeps a gradient at zero."""
    length = number(params, "training.max_length")
    within = f"training.max_length={length:g}" if length else "max_length"
    return in_words(
        f"check that rows keep completion tokens within {within}, and that the adapter's weights require gradients",
        "004, Critical Issues 2",
    )


def augmentation(params: Params, verdict: Verdict) -> Remedy | None:
    """Makes more of the training rows, for labels that are rarely or always predicted."""
    key, source, now = "data.augmentation", _IMBALANCED, params.get("data.augmentation")
    if now is None:
        return in_words("more examples of the rare labels: back-translation, synonyms, paraphrases", source)
    return changed(key, "none", "eda", source, ", and more examples of the rare labels") if now == "none" else None


def label_smoothing(params: Params, verdict: Verdict) -> Remedy | None:
    """Smooths the labels where nothing does."""
    key = "training.label_smoothing_factor"
    if number(params, key) or number(params, "training.kwargs.label_smoothing_factor"):  # where it stood before
        return None
    if "training.max_steps" not in params or "quantization.name" not in params:
        return in_words("label smoothing (0.1)", _IMBALANCED)
    return Remedy(f"{key}=0.1", f"{key}: 0 → 0.1", _IMBALANCED)


def threshold(params: Params, verdict: Verdict) -> Remedy | None:
    """Says that the minority's threshold is chosen, not trained."""
    return in_words("choose the threshold with the best minority F1 on validation", "001, lora_dropout: tuning process")
