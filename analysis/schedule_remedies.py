"""Remedies that turn the learning rate: its height, its warm-up, and how it decays."""

from __future__ import annotations

from analysis.remedy import Params, Remedy, changed, in_words, number, positive, text
from analysis.verdict import Verdict

LEARNING_RATES = (1e-5, 1e-3)
"""002, learning_rate: "very conservative" and, as the end that is not to be reached, "unstable"."""

USUAL_RATE = 2e-4
"""001, learning_rate: the default for LoRA, where a rate beyond either end begins again."""

WARMUP_SHARES = (0.0, 0.01, 0.03, 0.06, 0.1)
WARMUP_STEPS = (0, 10, 25, 50, 100)
"""001, warmup_steps, coarse sweep: shares of the steps, or steps for runs shorter than `SHORT_RUN`."""

SHORT_RUN = 500
"""Steps under which 001 counts warm-up in steps, and within which instability is early."""

MIN_LR_RATE = 0.1
"""001, lr_scheduler_type: the floor of `cosine_with_min_lr`, as a share of the peak."""

_TINY = "bundled:tiny"
_TINY_SCALE = 10.0  # a million parameters learn at 2e-3 as real models do at 2e-4 (conf/training/default.yaml)

_RATE = "training.learning_rate"
_TYPE = "training.lr_scheduler_type"
_KWARGS = "training.lr_scheduler_kwargs"
_WITHOUT_WARMUP = {"constant", "reduce_lr_on_plateau", "range_test"}
_WITHOUT_DECAY = {"constant", "constant_with_warmup"}


def slower(params: Params, verdict: Verdict) -> Remedy | None:
    """Halves the learning rate; one beyond 002's scale goes back to the usual."""
    source, rate = "001, learning_rate: too high", positive(params, _RATE)
    if not rate:
        return in_words("learning rate ÷2", source)
    if rate > LEARNING_RATES[1] * _scale(params):
        return _usual(params, rate)
    return changed(_RATE, rate, rate / 2, source) if rate / 2 >= LEARNING_RATES[0] * _scale(params) else None


def faster(params: Params, verdict: Verdict) -> Remedy | None:
    """Doubles the learning rate, under rsLoRA half as much again; one below 002's scale goes up to the usual."""
    factor = 1.5 if params.get("lora.use_rslora") else 2.0
    source = "001, use_rslora: LR coupling" if factor < 2 else "001, learning_rate: too low"
    rate = positive(params, _RATE)
    if not rate:
        return in_words(f"learning rate times {factor:g}", source)
    if rate < LEARNING_RATES[0] * _scale(params):
        return _usual(params, rate)
    return changed(_RATE, rate, factor * rate, source) if factor * rate < LEARNING_RATES[1] * _scale(params) else None


def _usual(params: Params, rate: float) -> Remedy:
    return changed(_RATE, rate, USUAL_RATE * _scale(params), "001, learning_rate: default; 002's scale")


def _scale(params: Params) -> float:
    return _TINY_SCALE if params.get("model.path") == _TINY else 1.0


def more_warmup(params: Params, verdict: Verdict) -> Remedy | None:
    """Raises warm-up by a notch, where the trouble is early and the schedule has a warm-up."""
    source, asked = "001, warmup_steps: too low", number(params, "training.warmup_steps")
    if text(params, _TYPE) in _WITHOUT_WARMUP or not _is_early(params, verdict):
        return None
    if asked is None:
        return in_words("warm-up up a notch (0, 1, 3, 6, 10 % of the steps), before the scheduler is changed", source)
    notch = _notch(asked, positive(params, "training.max_steps") or -1)
    return None if notch is None else changed("training.warmup_steps", asked, notch, source)


def _is_early(params: Params, verdict: Verdict) -> bool:
    steps = positive(params, "training.max_steps") or -1
    within = min(SHORT_RUN, steps / 2) if steps > 0 else SHORT_RUN
    return verdict.step is None or verdict.step <= within


def _notch(asked: float, steps: float) -> float | None:
    """Returns the next warm-up: steps for a short run, at most half of it, else a share of the steps."""
    if 0 < steps < SHORT_RUN:
        now = asked if asked >= 1 else asked * steps
        return next((item for item in WARMUP_STEPS if item > now and 2 * item <= steps), None)
    if asked >= 1 and steps < 0:  # no share is known of a run whose length is not
        return next((item for item in WARMUP_STEPS if item > asked), None)
    share = asked / steps if asked >= 1 else asked
    return next((item for item in WARMUP_SHARES if item > share), None)


def floor(params: Params, verdict: Verdict) -> Remedy | None:
    """Gives the schedule a floor, so that it does not run out of learning rate."""
    source, kind = "001, lr_scheduler_type: LR decays too fast", text(params, _TYPE)
    if kind is None or not _kwargs(params).keys() <= {"num_cycles", "min_lr_rate"}:
        return in_words("a schedule with a floor: cosine_with_min_lr, min_lr_rate 0.1", source)
    if kind in _WITHOUT_DECAY or kind == "cosine_with_min_lr":
        return None
    made = changed(_TYPE, kind, "cosine_with_min_lr", source, f", min_lr_rate {MIN_LR_RATE:g}")
    return Remedy(f"{made.override} ++{_KWARGS}.min_lr_rate={MIN_LR_RATE:g}", made.text, source)


def constant_rate(params: Params, verdict: Verdict) -> Remedy | None:
    """Holds the rate after warm-up in a short run, where 001 prefers that to decays near zero."""
    source, kind = "001, lr_scheduler_type: short SFT", text(params, _TYPE)
    steps = positive(params, "training.max_steps") or -1
    if kind is None or kind in _WITHOUT_DECAY or _kwargs(params) or not 0 < steps <= 2000:
        return None
    return changed(_TYPE, kind, "constant_with_warmup", source)


def decay(params: Params, verdict: Verdict) -> Remedy | None:
    """Lets the rate decay where it stays high to the end, or restarts."""
    kind = text(params, _TYPE)
    if kind == "cosine_with_restarts":
        made = changed(_TYPE, kind, "cosine", "001, lr_scheduler_type: restarts are too punchy")
        # A cosine of the restarts' two or three cycles would rise again just as they do.
        half = f" ++{_KWARGS}.num_cycles=0.5" if "num_cycles" in _kwargs(params) else ""
        return Remedy(made.override + half, made.text, made.source)
    if kind in _WITHOUT_DECAY:
        return changed(_TYPE, kind, "linear", "001, lr_scheduler_type: LR stays high too long")
    return None


def _kwargs(params: Params) -> dict[str, object]:
    given = params.get(_KWARGS)
    return given if isinstance(given, dict) else {}
