"""The byte-level BPE tokenizer."""

from __future__ import annotations

from collections.abc import Sequence

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

SIZE = 2048
"""Tokens: seven of ten words in the sentences are one token, and embeddings and head are 60 % of the parameters."""

PAD, BOS, EOS = 0, 1, 2
"""Ids, in the order of SPECIAL."""

SPECIAL = ["<pad>", "<s>", "</s>"]

SENTENCES_WEIGHT = 30
"""Every sentence counts this often: together nine times as much text as the documentation, so that it decides."""

PROMPT = (
    "Instruction: Classify the emotion in the following text.\nChoose from: happy, sad, anger, fear, disgust, "
    "surprise.\n\nText: \n\nAnswer: happy sad anger fear disgust surprise"
)
"""The words of the bundled task's prompt. Only so that each becomes one token: nothing is learnt from their order."""

PROMPT_WEIGHT = 2000
"""Occurrences of the prompt; some 200 are enough for a word to become whole."""


def train(sentences: Sequence[str], documents: Sequence[str]) -> PreTrainedTokenizerFast:
    """Learns the merges.

    Args:
        sentences: What the vocabulary is for.
        documents: Fills up the vocabulary.

    Returns:
        A tokenizer of at most SIZE tokens that knows every byte, and that adds no special tokens by itself.
    """
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    weighted = [*sentences] * SENTENCES_WEIGHT + [*documents] + [PROMPT] * PROMPT_WEIGHT
    tokenizer.train_from_iterator(weighted, _merges())
    pad, bos, eos = SPECIAL
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=pad, bos_token=bos, eos_token=eos)


def _merges() -> trainers.BpeTrainer:
    return trainers.BpeTrainer(
        vocab_size=SIZE,
        special_tokens=SPECIAL,
        show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),  # its own order differs from run to run
    )
