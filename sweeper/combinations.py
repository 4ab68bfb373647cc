"""Values that are right each for itself and wrong together."""

from __future__ import annotations

from collections.abc import Iterator

from sweeper.validation import Problem
from trainers.trial import LOFTQ, TrialConfig

_BITS = {"nf4": 4, "int8": 8}
_STORED_IN = {bits: name for name, bits in _BITS.items()}


def problems(trial: TrialConfig) -> Iterator[Problem]:
    """Yields what is wrong with a trial whose single values have passed validation."""
    yield from _loftq(trial) if trial.lora.uses_loftq else _no_loftq(trial)
    yield from _losses(trial)


def _losses(trial: TrialConfig) -> Iterator[Problem]:
    loss = trial.training.kwargs.get("loss_type", "nll")
    asked = {
        "training.label_smoothing_factor": trial.training.label_smoothing_factor > 0,
        "data.class_balance=weights": trial.data.class_balance == "weights",
    }
    for name in (name for name, is_asked in asked.items() if is_asked and loss != "nll"):
        yield Problem("training.kwargs.loss_type", loss, f"{name} changes the usual loss, nll", "leave it out")


def _no_loftq(trial: TrialConfig) -> Iterator[Problem]:
    lora = trial.lora
    for key, value in (("lora.loftq_bits", lora.loftq_bits), ("lora.loftq_iter", lora.loftq_iter)):
        if value is not None:
            rule = f"would be ignored: lora.init_lora_weights is {lora.init_lora_weights}"
            yield Problem(key, value, rule, f"lora.init_lora_weights={LOFTQ}")


def _loftq(trial: TrialConfig) -> Iterator[Problem]:
    quantization, bits = trial.quantization, trial.lora.bits
    key = "lora.init_lora_weights"
    if quantization.name == "none":
        yield Problem(key, LOFTQ, "nothing is quantized that could be corrected", "quantization=nf4")
    elif bits != _BITS[quantization.name]:
        rule = f"quantization={quantization.name} stores {_BITS[quantization.name]} bits per weight"
        remedy = f"lora.loftq_bits={_BITS[quantization.name]} or quantization={_STORED_IN[bits]}"
        yield Problem("lora.loftq_bits", bits, rule, remedy)
    if quantization.name == "int8" and quantization.llm_int8_has_fp16_weight:
        rule = "the base's weights stay in 16 bits: nothing is lost that could be corrected"
        yield Problem(key, LOFTQ, rule, "quantization.llm_int8_has_fp16_weight=false")
    if trial.lora.kwargs.get("use_dora"):
        # DoRA takes its magnitudes from the base when the adapter is attached, before LoftQ has corrected anything.
        rule = "DoRA's magnitudes would be those of the uncorrected weights"
        yield Problem(key, LOFTQ, rule, "lora.kwargs.use_dora=false")
