"""How the conversations of the data are rendered, and which of their tokens are trained on."""

from __future__ import annotations

from collections.abc import Iterator

from sweeper.finding import Finding
from sweeper.scene import Scene
from trainers.chat_ways import IN_WORDS

_NO_TEMPLATE = "a base model was never told what its turns look like, and learns these"
_REMEDY = "the same model's -Instruct or -it version, which has a template"


def check(scene: Scene) -> Iterator[Finding]:
    """Says how turns are told apart, and what the chat template refuses."""
    tokens = scene.facts.tokens
    if tokens is None:
        return
    data, model = scene.config.data.path, scene.config.model.path
    if tokens.refused:
        number = "a conversation cannot be rendered"
        yield Finding("error", "data.path", data, number, tokens.refused, "the model's chat template", "other turns")
    ways = tokens.chat.split(", ") if tokens.chat else []
    if "chatml" in ways:
        number = f"conversations are rendered {IN_WORDS['chatml']}"
        yield Finding("warning", "model.path", model, number, _NO_TEMPLATE, "ours", _REMEDY)
    for way in (way for way in ways if way != "chatml"):
        number = f"the assistant's turns are trained on: {IN_WORDS[way]}"
        yield Finding("note", "data.path", data, number, "docs/prompts.md tells the ways apart", "TRL 1.16")
