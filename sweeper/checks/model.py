"""Whether the base model's files were there to be looked at."""

from __future__ import annotations

from collections.abc import Iterator

from sweeper.finding import Finding
from sweeper.scene import Scene
from trainers import bundled


def check(scene: Scene) -> Iterator[Finding]:
    """Says what could not be checked; the bundled model is built when it is first needed."""
    path = scene.config.model.path
    if scene.model is None and not bundled.is_bundled(path):
        number = "its files are not at hand, hold no header that can be read, or quantized weights"
        rule = "target modules, biases, positions and memory are known from the headers alone, and were not checked"
        yield Finding("note", "model.path", path, number, rule, "safetensors")
