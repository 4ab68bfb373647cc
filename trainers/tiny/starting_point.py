"""The model before its pre-training: its weights are as near to the exercises as they can be without a gradient."""

from __future__ import annotations

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from trainers.tiny import tokenizer
from trainers.tiny.vectors import SCALE, SIZE, Vectors

LAYERS = 2
"""With one layer the build takes two thirds of the time and the score is 0.36."""

HEADS = 4

MLP_SIZE = 256

LONGEST = 512
"""Positions: the default of `training.max_length`."""

FINAL_NORM = 4.0
HEAD_SCALE = 0.5
"""With vectors of length 1 the largest possible logit is FINAL_NORM * sqrt(SIZE) * HEAD_SCALE = 23: enough to name one
of 2,048 tokens, too little to be lastingly sure of a wrong one."""


def model(vectors: Vectors, words: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """Makes the model; draws from torch's global generator.

    Args:
        vectors: Of the tokens that have one; the others' are random.
        words: The tokenizer.

    Returns:
        A Llama whose attention copies and whose head names what was copied.
    """
    made = LlamaForCausalLM(_config(len(words)))
    with torch.no_grad():
        for layer in made.model.layers:
            _make_copier(layer.self_attn)
        made.model.norm.weight.fill_(FINAL_NORM)
        made.model.embed_tokens.weight[vectors.known] = vectors.values[vectors.known]
        made.lm_head.weight[vectors.known] = vectors.values[vectors.known] * HEAD_SCALE
    return made


def _make_copier(attention: torch.nn.Module) -> None:
    """Makes output and value projections undo each other: what is attended to arrives as it was."""
    rotation = torch.linalg.qr(torch.randn(SIZE, SIZE))[0]
    attention.v_proj.weight.copy_(rotation)
    attention.o_proj.weight.copy_(rotation.T)


def _config(vocabulary: int) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=SIZE,
        intermediate_size=MLP_SIZE,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        max_position_embeddings=LONGEST,
        initializer_range=SCALE,
        tie_word_embeddings=False,  # embeddings and head start from the same vectors, at different scales
        pad_token_id=tokenizer.PAD,
        bos_token_id=tokenizer.BOS,
        eos_token_id=tokenizer.EOS,
    )
