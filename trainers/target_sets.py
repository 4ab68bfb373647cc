"""Named sets of target modules: `lora.target_modules=qv`, and what each is called in a base model's architecture.

The sets are those of the documents: queries and values (000, 002; Hu et al. 2021, section 4.2), all of attention
(002), queries, values, output and gate (000), those with the rest of the MLP (004), attention and MLP (002), and, ours,
the MLP alone.
The architectures' names were read from transformers 5.23 and are tried there (tests/trainers/test_target_sets.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SETS: Mapping[str, tuple[str, ...]] = {
    "qv": ("q", "v"),
    "attention": ("q", "k", "v", "o"),
    "mlp": ("gate", "up", "down"),
    "qvo_gate": ("q", "v", "o", "gate"),
    "qvo_mlp": ("q", "v", "o", "gate", "up", "down"),
    "attention_mlp": ("q", "k", "v", "o", "gate", "up", "down"),
}
"""Roles by set: queries, keys, values and output of attention; gate, way up and way down of the MLP."""

Names = Mapping[str, str]
"""What the modules of an architecture end in, by role; one that has several roles computes them at once."""

_SPLIT = {"q": "q_proj", "k": "k_proj", "v": "v_proj"}
_OUT = {**_SPLIT, "o": "out_proj"}


def _fused(qkv: str, o: str, up: str, down: str) -> Names:
    return {"q": qkv, "k": qkv, "v": qkv, "o": o, "up": up, "down": down}


_LLAMA: Names = {**_SPLIT, "o": "o_proj", "gate": "gate_proj", "up": "up_proj", "down": "down_proj"}
_GLM: Names = {**_LLAMA, "gate": "gate_up_proj", "up": "gate_up_proj"}
_PHI3: Names = {**_fused("qkv_proj", "o_proj", "gate_up_proj", "down_proj"), "gate": "gate_up_proj"}
_PHI: Names = {**_SPLIT, "o": "dense", "up": "fc1", "down": "fc2"}
_OPT: Names = {**_OUT, "up": "fc1", "down": "fc2"}
_STARCODER2: Names = {**_SPLIT, "o": "o_proj", "up": "mlp.c_fc", "down": "mlp.c_proj"}
_GPT2 = _fused("c_attn", "attn.c_proj", "c_fc", "mlp.c_proj")  # c_proj alone would be attention's and the MLP's
_NEOX = _fused("query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h")
_GPT_NEO: Names = {**_OUT, "up": "mlp.c_fc", "down": "mlp.c_proj"}
_GPTJ: Names = {**_OUT, "up": "fc_in", "down": "fc_out"}
_CODEGEN = _fused("qkv_proj", "out_proj", "fc_in", "fc_out")
_MPT = _fused("Wqkv", "attn.out_proj", "ffn.up_proj", "ffn.down_proj")

_BY_TYPE: Mapping[str, Names] = {
    # Experts of a mixture are no modules of their own in transformers 5; arcee, apertus and nemotron have no gate.
    **dict.fromkeys(("llama", "llama4_text", "mistral", "mixtral", "arcee", "apertus", "nemotron"), _LLAMA),
    **dict.fromkeys(("qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "smollm3", "seed_oss", "exaone4"), _LLAMA),
    **dict.fromkeys(("gemma", "gemma2", "gemma3_text", "olmo", "olmo2", "olmo3", "olmoe", "helium"), _LLAMA),
    **dict.fromkeys(("cohere", "cohere2", "granite", "granitemoe", "stablelm", "ernie4_5", "diffllama"), _LLAMA),
    **dict.fromkeys(("gpt_oss", "phimoe", "minimax"), _LLAMA),
    **dict.fromkeys(("glm", "glm4"), _GLM),
    **dict.fromkeys(("gpt2", "gpt_bigcode", "openai-gpt"), _GPT2),
    **dict.fromkeys(("gpt_neox", "bloom", "falcon", "persimmon"), _NEOX),
    **dict.fromkeys(("opt", "xglm", "biogpt"), _OPT),
    "phi3": _PHI3,
    "phi": _PHI,
    "starcoder2": _STARCODER2,
    "gpt_neo": _GPT_NEO,
    "gptj": _GPTJ,
    "codegen": _CODEGEN,
    "mpt": _MPT,
}
"""By `model_type` of a model's config.json, its text model's where it has several."""

ARCHITECTURES = tuple(_BY_TYPE)
"""The architectures whose names are known."""


@dataclass(frozen=True)
class Resolved:
    """What a set is in one base model.

    Attributes:
        modules: What the names of its modules end in, as a list for PEFT, in the roles' order.
        roles: Each of these with all its roles, asked for or not.
        absent: Roles of the set that the model has no module for.
        along: Roles outside the set that a module of it computes, too.
    """

    modules: tuple[str, ...]
    roles: Mapping[str, tuple[str, ...]]
    absent: tuple[str, ...]
    along: tuple[str, ...]


def is_set(target_modules: Any) -> bool:
    """True for a set's name."""
    return isinstance(target_modules, str) and target_modules in SETS


def resolved(name: str, model_type: str | None, modules: Iterable[str]) -> Resolved | None:
    """Returns what a set is in a base model.

    Args:
        name: One of `SETS`.
        model_type: The base's, of which an unknown one is told by its modules.
        modules: The names of its linear layers.

    Returns:
        The set; None where nothing of it is there, or the architecture's names are not known.
    """
    there = list(modules)
    names = _BY_TYPE.get(str(model_type)) or _alike(there)
    if names is None:
        return None
    found = {role: module for role, module in names.items() if _is_there(module, there)}
    wanted = [role for role in SETS[name] if role in found]
    chosen = tuple(dict.fromkeys(found[role] for role in wanted))
    roles = {module: tuple(role for role, one in found.items() if one == module) for module in chosen}
    absent = tuple(role for role in SETS[name] if role not in found)
    along = tuple(role for role, module in found.items() if module in chosen and role not in SETS[name])
    return Resolved(chosen, roles, absent, along) if chosen else None


def listed(target_modules: str | Sequence[str], model_type: str | None, modules: Iterable[str]) -> Any:
    """Returns what PEFT takes for `lora.target_modules`: a set's modules as a list, anything else as it is.

    A set that the base model does not have is an empty list.
    """
    if not is_set(target_modules):
        return target_modules
    found = resolved(str(target_modules), model_type, modules)
    return [] if found is None else list(found.modules)


def _alike(there: Sequence[str]) -> Names | None:
    """Returns the names that an unknown architecture has all of; the most, where it has those of several."""
    whole = [names for names in _BY_TYPE.values() if all(_is_there(module, there) for module in names.values())]
    return max(whole, key=lambda names: len(set(names.values())), default=None)


def _is_there(module: str, there: Sequence[str]) -> bool:
    return any(name == module or name.endswith(f".{module}") for name in there)
