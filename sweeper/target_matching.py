"""Which modules of a base model an adapter changes, as PEFT finds them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from sweeper.model_facts import ModelFacts
from trainers import target_sets
from trainers.trial import Lora

ALL_LINEAR = "all-linear"
HEAD = "lm_head"


def matched(lora: Lora, model: ModelFacts) -> list[str]:
    """Returns the modules that an adapter would change, embeddings and the head among them, in the model's order.

    As `peft.tuners.tuners_utils.check_target_module_exists` of PEFT 0.21: a string is a regular expression that must
    match a whole name, a list holds whole names or what they end in after a dot, `all-linear` is every linear layer but
    the head. `exclude_modules`, `modules_to_save` and `layers_to_transform` of `lora.kwargs` take away from that.
    What is no regular expression matches nothing. A named set is the list that it stands for (`trainers.target_sets`).
    """
    wanted = target_sets.listed(lora.target_modules, model.config.get("model_type"), model.linear)
    if isinstance(wanted, str) and wanted.lower() == ALL_LINEAR:
        found: Iterable[str] = model.linear
    elif isinstance(wanted, str):
        found = (name for name in modules(model) if is_pattern(wanted) and re.fullmatch(wanted, name))
    else:
        indexes, patterns = lora.kwargs.get("layers_to_transform"), lora.kwargs.get("layers_pattern")
        found = (name for name in modules(model) if _is_listed(name, wanted, indexes, patterns))
    return [name for name in found if not _is_excluded(name, lora.kwargs)]


def resolved(lora: Lora, model: ModelFacts) -> target_sets.Resolved | None:
    """Returns what a named set is in a base model; None where it is not there, or `target_modules` names none."""
    if not target_sets.is_set(lora.target_modules):
        return None
    return target_sets.resolved(str(lora.target_modules), model.config.get("model_type"), model.linear)


def is_pattern(text: str) -> bool:
    """True for a regular expression."""
    try:
        re.compile(text)
    except re.error:
        return False
    return True


def modules(model: ModelFacts) -> list[str]:
    """Returns the names of all modules that an adapter could change: linear layers, embeddings, the head."""
    weights = [name for name, shape in model.shapes.items() if name.endswith(".weight") and len(shape) == 2]
    names = [name.removesuffix(".weight") for name in weights]
    others = [name for name in names if name not in model.linear and _is_table(name)]
    # A tied head has no weight of its own in the files.
    return [*model.linear, *others, *([] if HEAD in others else [HEAD])]


def has_experts(model: ModelFacts) -> bool:
    """True for a mixture of experts: PEFT adapts its routers and experts as parameters, of which nothing is said here.

    `peft.utils.transformers_weight_conversion` translates the names of their layers, as files have them.
    """
    return any(".experts." in name for name in model.shapes)


def short_names(model: ModelFacts) -> list[str]:
    """Returns the last components of the linear layers' names, each once: what a user would list."""
    return list(dict.fromkeys(name.rpartition(".")[2] for name in model.linear))


def unmatched(names: Sequence[str], model: ModelFacts) -> list[str]:
    """Returns the listed names that no module ends in."""
    there = modules(model)
    return [item for item in names if not any(_is_listed(name, [item], None, None) for name in there)]


def _is_table(name: str) -> bool:
    return ".experts." not in name and not name.endswith((".gate", ".router"))


def _is_listed(name: str, wanted: Sequence[str], indexes: Any, patterns: Any) -> bool:
    if name in wanted:
        return True
    ends = any(name.endswith(f".{item}") for item in wanted)
    return ends and (indexes is None or indexes == [] or _layer(name, patterns) in _listed(indexes))


def _layer(name: str, patterns: Any) -> int | None:
    """Returns the number of the layer that a module is in."""
    if not patterns:
        found = re.match(r".*?\.[^.]*\.(?P<index>\d+)\.", name)
    else:
        tries = (re.match(rf"(?:^|.*?\.){pattern}\.(?P<index>\d+)\.", name) for pattern in _listed(patterns))
        found = next((item for item in tries if item), None)
    return int(found["index"]) if found else None


def _is_excluded(name: str, kwargs: dict[str, Any]) -> bool:
    excluded = kwargs.get("exclude_modules") or []
    if isinstance(excluded, str):
        if re.fullmatch(excluded, name):
            return True
    elif _is_listed(name, excluded, None, None):
        return True
    saved = kwargs.get("modules_to_save") or []
    return any(re.match(rf"(^|.*\.){item}($|\..*)", name) for item in saved)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
