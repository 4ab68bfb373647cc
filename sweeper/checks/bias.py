"""Trained biases where a base model has none."""

from __future__ import annotations

from collections.abc import Iterator

from sweeper.finding import Finding
from sweeper.model_facts import ModelFacts
from sweeper.scene import Scene
from sweeper.target_matching import matched
from trainers.trial import TrialConfig


def check(scene: Scene) -> Iterator[Finding]:
    """Counts the biases that `lora.bias` would train, and those that `lora_bias` would be merged into."""
    if scene.model is None:
        return
    lora = scene.config.lora
    biases = _biases(scene.config, scene.model)
    if lora.bias != "none" and not biases:
        yield _nothing(lora.bias, len(_all(scene.model)))
    if lora.kwargs.get("lora_bias") and (bare := _without_bias(scene.config, scene.model)):
        number = f"{bare} of the adapted layers have no bias"
        rule = "the adapter's biases can be trained, but not merged into a layer that has none"
        remedy = "~lora.kwargs.lora_bias, if the adapter is to be merged"
        yield Finding("warning", "lora.kwargs.lora_bias", True, number, rule, "PEFT, LoraConfig", remedy)


def _nothing(bias: str, there: int) -> Finding:
    """Returns what is said where no bias would be trained, though `there` may be some beside the adapted layers."""
    number = f"0 biases would be trained: the model has {there}" + (", none in an adapted layer" if there else "")
    same = "lora_only is the same run as none" if there else "none, lora_only and all are the same run"
    remedy = "lora.bias=all" if there else "biases of LoRA's own: lora.bias=none +lora.kwargs.lora_bias=true"
    rule = f"without such biases {same}, to the last digit"
    return Finding("warning", "lora.bias", bias, number, rule, "001, bias; measured", f"lora.bias=none, or {remedy}")


def _biases(config: TrialConfig, model: ModelFacts) -> list[str]:
    """Returns the biases that are trained: all, or those of adapted layers (`_mark_only_adapters_as_trainable`)."""
    if config.lora.bias != "lora_only":
        return _all(model)
    adapted = {f"{name}.bias" for name in matched(config.lora, model)}
    return [name for name in _all(model) if name in adapted]


def _all(model: ModelFacts) -> list[str]:
    return [name for name in model.shapes if name.endswith(".bias")]


def _without_bias(config: TrialConfig, model: ModelFacts) -> int:
    return sum(f"{name}.bias" not in model.shapes for name in matched(config.lora, model) if name in model.linear)
