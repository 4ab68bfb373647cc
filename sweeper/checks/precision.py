"""Number formats against the hardware."""

from __future__ import annotations

from collections.abc import Iterator

from sweeper.finding import Finding
from sweeper.scene import Scene

SOURCE = "001, dtype"


def check(scene: Scene) -> Iterator[Finding]:
    """Warns of formats that the device does not compute in, and of adapters too coarse for their updates."""
    config = scene.config
    asked = {"model.dtype": config.model.dtype}
    if config.quantization.name == "nf4":
        asked["quantization.bnb_4bit_compute_dtype"] = config.quantization.bnb_4bit_compute_dtype
    for key, value in asked.items():
        if (rule := _unfit(value, scene)) is not None:
            yield Finding("warning", key, value, f"{value} on {scene.hardware.name}", rule, SOURCE, f"{key}=auto")
    if config.lora.dtype != "float32":
        number = "20 to 78 % of A never changed in bfloat16, at rates of 2e-4 and 5e-5"
        rule = "updates smaller than the format's steps are lost; adapters train in float32"
        yield Finding("warning", "lora.dtype", config.lora.dtype, number, rule, "ours, measured", "lora.dtype=float32")


def _unfit(value: str, scene: Scene) -> str | None:
    if value == "bfloat16" and scene.hardware.kind == "cuda" and scene.hardware.has_bf16 is False:
        return "this GPU does not compute in bfloat16 (Ampere and later do): it is emulated, slowly"
    if value == "float16" and scene.hardware.kind == "cpu":
        return "CPUs hardly compute in float16, and it overflows above 65,504"
    if value == "float16" and scene.hardware.has_bf16:
        return "this GPU has bfloat16, which does not overflow above 65,504"
    return None
