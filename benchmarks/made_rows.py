"""Instruction rows of made-up words, one token each, and the tokenizer that knows them: lengths are then exact."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import tokenizers
import transformers

PREFIX, COMPLETION = 40, 4  # tokens of the template that every prompt begins with; of the longest answer, its end aside
LENGTH = 78  # tokens of the longest row by default: the instruction's own are 25 on average
_WORDS = 1_500
_SPECIAL = ("<pad>", "</s>", "<unk>")


def tokenizer() -> transformers.PreTrainedTokenizerFast:
    """Makes a tokenizer whose tokens are words."""
    words = [*_SPECIAL, *(_word(number) for number in range(_WORDS))]
    model = tokenizers.models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>")
    made = tokenizers.Tokenizer(model)
    made.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )


def write(path: Path, number: int, length: int = LENGTH) -> None:
    """Writes rows of prompt and completion as JSONL.

    Args:
        path: The file.
        number: How many rows.
        length: Tokens of the longest row, the end of its sequence included. The instruction behind the template has
            between half and all of what is left for it, at random.
    """
    path.write_text("".join(f"{json.dumps(row)}\n" for row in _rows(random.Random(0), number, length)))


def _rows(source: random.Random, number: int, length: int) -> Iterator[dict[str, str]]:
    template, most = _text(source, PREFIX), length - PREFIX - COMPLETION - 1
    for place in range(number):
        own = most if place == 0 else source.randint(most // 2, most)
        answer = COMPLETION if place == 0 else source.randint(1, COMPLETION)
        yield {"prompt": f"{template} {_text(source, own)}", "completion": f" {_text(source, answer)}"}


def _text(source: random.Random, words: int) -> str:
    return " ".join(_word(source.randrange(_WORDS)) for _ in range(words))


def _word(number: int) -> str:
    return f"w{number}"
