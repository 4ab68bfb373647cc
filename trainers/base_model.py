"""The frozen base model, loaded once per worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import transformers

from trainers import bundled, own_code, remembered, tiny
from trainers.seam import TrialFailed
from trainers.trial import Model, Quantization


@dataclass
class Base:
    """A base model and its tokenizer."""

    model: Any
    tokenizer: Any


def load(model: Model, quantization: Quantization, device: torch.device) -> Base:
    """Loads a base model from a folder or the hub; the bundled one is built first where it is not yet.

    Args:
        model: What to load.
        quantization: How to store it.
        device: Where to put it.

    Returns:
        The model in evaluation mode, and its tokenizer with a padding token.

    Raises:
        TrialFailed: The folder is not a model, or the tokenizer has no end-of-sequence token.
    """
    path = path_of(model)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(path, **source_of(model))
        loaded = transformers.AutoModelForCausalLM.from_pretrained(
            path,
            **source_of(model),
            dtype=_dtype(model.dtype, device),
            attn_implementation=model.attn_implementation,
            quantization_config=_bits_and_bytes(quantization, device),
            device_map={"": str(device)},
            use_safetensors=True,  # anything else is a pickle
        )
    except OSError as error:
        raise TrialFailed(f"model.path={model.path} cannot be loaded: {_remedy(error, model)}") from error
    except ValueError as error:
        if "trust_remote_code" not in str(error):
            raise
        raise TrialFailed(f"model.path={model.path} {own_code.CODE_RULE}; try: {own_code.CODE_REMEDY}") from None
    # Frozen from the start: a base that wants gradients computes other last digits than one an adapter was taken from.
    loaded.requires_grad_(False)
    _keep_one_kernel(loaded)
    return Base(loaded.eval(), _with_padding(tokenizer, model))


def _keep_one_kernel(model: Any) -> None:
    """Keeps bitsandbytes from repacking 4-bit weights at the first evaluation on a CPU with AVX512-BF16.

    The repacked weights go through an inference kernel without a backward pass (bitsandbytes 0.50 warns of "silently
    incorrect behavior"): training after an evaluation would differ from training before it.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def _remedy(error: OSError, model: Model) -> str:
    """Returns what transformers says, and what to do where a licence or a login is missing."""
    said = str(error).splitlines()[0]
    if "gated repo" in str(error):
        licence = f"https://huggingface.co/{model.path}"
        return f"{said}; accept its licence at {licence}, then log in with `hf auth login` or set HF_TOKEN"
    if "private repository" in str(error):
        return f"{said}; a private one needs `hf auth login` or HF_TOKEN, a mistyped one another model.path"
    return said


def path_of(model: Model) -> str:
    """Returns the folder or hub id of a model; the bundled one is built first where it is not yet."""
    if not bundled.is_bundled(model.path):
        return model.path
    folder = bundled.tiny_folder(model.cache_dir)
    with remembered.alone(folder):
        if not folder.is_dir():
            tiny.build(folder)
    return str(folder)


def source_of(model: Model) -> dict[str, Any]:
    """Returns what the libraries need to find a model besides its path."""
    return {"revision": model.revision or "main", "trust_remote_code": model.trust_remote_code}


def _with_padding(tokenizer: Any, model: Model) -> Any:
    if tokenizer.eos_token is None:
        raise TrialFailed(f"the tokenizer of model.path={model.path} has no end-of-sequence token")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token  # as TRL does
    return tokenizer


def _dtype(name: str, device: torch.device) -> torch.dtype:
    if name != "auto":
        dtype: torch.dtype = getattr(torch, name)
        return dtype
    if device.type == "cpu":
        return torch.float32
    # The tuning guide's rule (001, dtype): bfloat16 where the hardware has it, else float16.
    return torch.bfloat16 if has_bf16(device) else torch.float16


def has_bf16(device: torch.device) -> bool:
    """True on a GPU that computes in bfloat16 itself (Ampere and later); torch counts those that emulate it, too."""
    return device.type == "cuda" and bool(torch.cuda.is_bf16_supported(including_emulation=False))


def _bits_and_bytes(quantization: Quantization, device: torch.device) -> Any:
    if quantization.name == "none":
        return None
    if quantization.name == "int8":
        return transformers.BitsAndBytesConfig(
            load_in_8bit=True,
            llm_int8_threshold=quantization.llm_int8_threshold,
            llm_int8_has_fp16_weight=quantization.llm_int8_has_fp16_weight,
        )
    return transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=quantization.bnb_4bit_use_double_quant,
        bnb_4bit_compute_dtype=_dtype(quantization.bnb_4bit_compute_dtype, device),
    )
