"""How an example becomes token ids: text as TRL prepares prompts and completions, conversations by their template."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, replace
from typing import Any

from trainers.chat import Chat, common_prefix
from trainers.chat_ways import Way
from trainers.data import Example


@dataclass(frozen=True)
class Rendered:
    """An example's ids, uncut, and which of them the loss counts.

    `crosses` is True where a token holds the end of the prompt and the beginning of the completion: the completion then
    begins with it, as in TRL, and after the prompt alone the model has seen other tokens. `way` and `has_merged` are a
    conversation's (`trainers.chat`).
    """

    ids: tuple[int, ...]
    trained: tuple[bool, ...]
    crosses: bool = False
    way: Way | None = None
    has_merged: bool = False

    @property
    def begin(self) -> int:
        """How many ids precede the first that the loss counts."""
        return next((at for at, counts in enumerate(self.trained) if counts), len(self.ids))

    @property
    def end(self) -> int:
        """Where the last id that the loss counts ends: what follows teaches nothing."""
        return len(self.ids) - next((at for at, counts in enumerate(reversed(self.trained)) if counts), len(self.ids))

    def everywhere(self) -> Rendered:
        """Returns the same ids, all of them counted."""
        return replace(self, trained=(True,) * len(self.ids))


class Rendering:
    """Renders examples with a transformers tokenizer that has an end-of-sequence token."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    @functools.cached_property
    def chat(self) -> Chat:
        """The chat template of the tokenizer, or what stands in for it."""
        return Chat(self._tokenizer)

    def of(self, example: Example) -> Rendered:
        """Renders an example.

        Raises:
            TrialFailed: The chat template refuses the conversation.
        """
        if not example.messages:
            return self._text(example)
        made = self.chat.conversation(example.messages, example.place)
        return Rendered(made.ids, made.trained, way=made.way, has_merged=made.has_merged)

    def _text(self, example: Example) -> Rendered:
        end = self._tokenizer.eos_token
        # As in TRL, a completion that brings the end along, as public data do, gets no second one.
        whole = self._ids(example.prompt + example.completion.removesuffix(end) + end)
        alone = self._ids(example.prompt) if example.prompt else []
        # As in TRL, the completion begins where prompt and whole text diverge.
        length = common_prefix(alone, whole)
        trained = (False,) * length + (True,) * (len(whole) - length)
        # A tokenizer that ends every text with a token of its own makes no difference of that kind.
        crosses = length < len(alone) and alone[length] not in self._tokenizer.all_special_ids
        return Rendered(tuple(whole), trained, crosses)

    def texts(self, example: Example, rendered: Rendered) -> tuple[str, str]:
        """Returns prompt and completion as they are evaluated: a conversation's as the template wrote them."""
        if rendered.way is None:
            return example.prompt, example.completion
        runs = json.dumps(_lengths(rendered.trained))
        return runs, self._tokenizer.decode(rendered.ids)

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer(text)["input_ids"])


def _lengths(trained: tuple[bool, ...]) -> list[int]:
    """Returns where what is counted begins and ends, in ids."""
    return [at for at in range(1, len(trained)) if trained[at] != trained[at - 1]]
