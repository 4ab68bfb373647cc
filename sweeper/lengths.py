"""How many tokens training examples have: counted where the model's tokenizer is at hand, else estimated."""

from __future__ import annotations

import dataclasses
import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeper.crossing import crossing
from sweeper.own_tokenizer import own_tokenizer
from sweeper.tokenizer_file import opened, tokenizer_file
from trainers.data import Example
from trainers.evenly_spaced import evenly_spaced
from trainers.seam import TrialFailed
from trainers.trial import TrialConfig

CHARACTERS_A_TOKEN = 4
"""English text in a large model's vocabulary: OpenAI's help page, "What are tokens and how to count them?"."""

MOST_COUNTED = 10_000
"""Examples, evenly spaced: 100 of them are above the 99th percentile."""

MOST_RENDERED = 1_000
"""Conversations, evenly spaced: a chat template takes a millisecond or so for each."""

_LONGEST = 16
"""Completions that are counted for the longest: tokens go with characters."""

COUNTED = "the model's tokenizer"
ESTIMATED = f"estimated at {CHARACTERS_A_TOKEN} characters a token"


@dataclass(frozen=True)
class Lengths:
    """Tokens of an example before it is cut: prompt, completion, end-of-sequence token (`trainers.tokens`).

    `longest_completion` is the completion's part alone, None where it is not known.
    `truncated` is the share of the examples that are longer than the configuration's `training.max_length`; `dropped`
    that of those whose prompt alone fills it: nothing of their completion is left, and TRL leaves them out.
    `crossing` is the share of those with a token that holds the end of the prompt and the beginning of the completion,
    `chat` how conversations are marked (`trainers.chat_ways`), empty for other rows; `refused` why the chat template
    takes one of them not.
    """

    mean: float
    p50: int
    p95: int
    p99: int
    longest: int
    source: str
    truncated: float = 0.0
    dropped: float = 0.0
    longest_completion: int | None = None
    crossing: float = 0.0
    chat: str = ""
    refused: str = ""


def lengths_of(config: TrialConfig, examples: Sequence[Example]) -> Lengths:
    """Measures training examples, at least one.

    Args:
        config: The trial: its model's tokenizer, its `training.max_length`.
        examples: Its training rows.
    """
    if not any(example.messages for example in examples):
        return _of_texts(config, examples)
    try:
        return _of_conversations(config, examples) or _of_texts(config, examples)
    except TrialFailed as error:
        return dataclasses.replace(_of_texts(config, examples), refused=str(error))


def _of_texts(config: TrialConfig, examples: Sequence[Example]) -> Lengths:
    taken, file, limit = evenly_spaced(examples, MOST_COUNTED), tokenizer_file(config.model), config.training.max_length
    counts, source = _counts(file, [item.prompt + item.completion for item in taken])
    cut = [item for item, count in zip(taken, counts, strict=True) if count > limit]
    # A prompt is counted with an end-of-sequence token that it does not have.
    dropped = sum(count > limit for count in _counts(file, [item.prompt for item in cut if item.prompt])[0])
    return dataclasses.replace(
        _lengths(sorted(counts), source + _among(taken, examples)),
        truncated=len(cut) / len(taken),
        dropped=dropped / len(taken) if config.training.completion_only_loss else 0.0,
        longest_completion=_longest([item.completion for item in taken], file),
        crossing=crossing(file, examples),
    )


def _of_conversations(config: TrialConfig, examples: Sequence[Example]) -> Lengths | None:
    """Measures conversations as they are trained on; None where the model's tokenizer is not here.

    Raises:
        TrialFailed: The chat template refuses one.
    """
    tokenizer = own_tokenizer(config.model)
    if tokenizer is None:
        return None
    from trainers.rendering import Rendering

    rendering, limit = Rendering(tokenizer), config.training.max_length
    taken = evenly_spaced(examples, MOST_RENDERED)
    made = [rendering.of(example) for example in taken]
    made = made if config.training.completion_only_loss else [item.everywhere() for item in made]
    return dataclasses.replace(
        _lengths(sorted(item.end for item in made), COUNTED + _among(taken, examples)),
        truncated=sum(item.end > limit for item in made) / len(made),
        dropped=sum(item.begin >= min(limit, item.end) for item in made) / len(made),
        longest_completion=max(item.end - item.begin for item in made),
        chat=", ".join(sorted({item.way for item in made if item.way is not None})),
    )


def _among(taken: Sequence[Example], examples: Sequence[Example]) -> str:
    return "" if len(taken) == len(examples) else f", {len(taken):,} of the examples"


def _longest(texts: Sequence[str], file: Path | None) -> int:
    """Returns the most tokens among the texts with the most characters."""
    return max(_counts(file, heapq.nlargest(_LONGEST, texts, key=len))[0])


def _lengths(counts: Sequence[int], source: str) -> Lengths:
    """Summarises counts in ascending order."""
    p50, p95, p99 = (counts[math.ceil(share * len(counts)) - 1] for share in (0.5, 0.95, 0.99))
    return Lengths(sum(counts) / len(counts), p50, p95, p99, counts[-1], source)


def _counts(file: Path | None, texts: Sequence[str]) -> tuple[list[int], str]:
    """Returns the tokens of every text with the end-of-sequence token, and where they are from."""
    counted = _counted(file, texts) if file is not None else None
    if counted is not None:
        return counted, COUNTED
    return [math.ceil(len(text) / CHARACTERS_A_TOKEN) + 1 for text in texts], ESTIMATED


def _counted(file: Path, texts: Sequence[str]) -> list[int] | None:
    tokenizer = opened(file)
    if tokenizer is None:
        return None
    # The end-of-sequence token is one, whatever it is called: models keep its name in another file.
    return [len(encoded.ids) + 1 for encoded in tokenizer.encode_batch_fast(list(texts))]
