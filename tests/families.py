"""Tiny random models of many architectures, as `save_pretrained` leaves them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import transformers

SIZES: Mapping[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "max_position_embeddings": 128,
    "initializer_range": 0.2,
    "pad_token_id": 0,
    "bos_token_id": None,
    "eos_token_id": 1,
}

_GEMMA = {"layer_types": ["sliding_attention", "full_attention"], "query_pre_attn_scalar": 16}
_DYNAMIC = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}
_OWN_NAMES = ("GPT2", "Bloom")
_NAMED: Mapping[str, Any] = {"initializer_range": 0.2, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 1}

FAMILIES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "llama": ("Llama", {}),
    "qwen3": ("Qwen3", {}),
    # Windows shorter and longer than the tests' rows; the short one does not even hold the prefix that they share.
    "gemma3-short": ("Gemma3Text", {**_GEMMA, "sliding_window": 8}),
    "gemma3-long": ("Gemma3Text", {**_GEMMA, "sliding_window": 100}),
    # These two change logits on their way to the loss.
    "gemma2": ("Gemma2", {**_GEMMA, "sliding_window": 8, "final_logit_softcapping": 1.5}),
    "granite": ("Granite", {"logits_scaling": 4.0, "residual_multiplier": 0.5}),
    "phi3": ("Phi3", {}),  # one linear layer for queries, keys and values, one for gate and up
    "bloom": ("Bloom", {"hidden_size": 32, "n_layer": 2, "n_head": 2}),
    "gpt2": ("GPT2", {"n_embd": 32, "n_layer": 1, "n_head": 2, "resid_pdrop": 0, "embd_pdrop": 0, "attn_pdrop": 0}),
    "mixtral": ("Mixtral", {"num_local_experts": 4, "num_experts_per_tok": 2}),
    "qwen3-moe": ("Qwen3Moe", {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}),
    "llama-dropout": ("Llama", {"attention_dropout": 0.1}),
    "bloom-dropout": (
        "Bloom",
        {"hidden_size": 32, "n_layer": 2, "n_head": 2, "hidden_dropout": 0.1},
    ),  # a function, not a module
    "llama-dynamic": ("Llama", {"max_position_embeddings": 24, "rope_parameters": _DYNAMIC}),
}


def builder(tokenizer: Path, folder: Path) -> Callable[[str], Path]:
    """Returns what makes a family's model at the first time that it is asked for.

    Args:
        tokenizer: A model whose tokenizer all of them get.
        folder: Where they will lie.
    """

    def built(family: str) -> Path:
        place = folder / family
        if not place.is_dir():
            _model(family, len(transformers.AutoTokenizer.from_pretrained(tokenizer))).save_pretrained(place)
            for file in tokenizer.glob("*token*"):
                shutil.copy(file, place)
        return place

    return built


def _model(family: str, vocabulary: int) -> Any:
    kind, more = FAMILIES[family]
    sizes = _NAMED if kind in _OWN_NAMES else SIZES
    config = getattr(transformers, f"{kind}Config")(**{**sizes, **more, "vocab_size": vocabulary})
    torch.manual_seed(0)
    return transformers.AutoModelForCausalLM.from_config(config)
