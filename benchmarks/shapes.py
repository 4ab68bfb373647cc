"""Llamas of a stated shape with random weights, made on this machine: speed does not depend on what they know."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import transformers

from benchmarks import made_rows


@dataclass(frozen=True)
class LlamaShape:
    """The numbers of a `transformers.LlamaConfig`, and what its weights are saved as."""

    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    vocabulary: int
    dtype: torch.dtype

    def words(self) -> str:
        """Returns the numbers in one line."""
        heads = f"{self.heads} heads ({self.kv_heads} for keys and values)"
        return f"{self.layers} layers of {self.hidden}, {heads}, {self.intermediate} inside, {self.vocabulary:,} words"


ONE_BILLION = LlamaShape(2048, 8192, 16, 32, 8, 128_256, torch.bfloat16)  # Llama-3.2-1B's numbers
MICRO = LlamaShape(64, 128, 2, 4, 2, 2_048, torch.float32)


def build(shape: LlamaShape, folder: Path, device: torch.device) -> None:
    """Saves a model of random weights and its tokenizer.

    Args:
        shape: The model's.
        folder: Where both will be.
        device: Where the weights are drawn: a GPU takes a second for what a CPU takes a minute.
    """
    tokenizer = made_rows.tokenizer()
    torch.manual_seed(0)
    with torch.device(device):
        model = transformers.AutoModelForCausalLM.from_config(_config(shape, tokenizer), dtype=shape.dtype)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _config(shape: LlamaShape, tokenizer: transformers.PreTrainedTokenizerFast) -> transformers.LlamaConfig:
    return transformers.LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
