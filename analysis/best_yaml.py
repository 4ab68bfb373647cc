"""A trial as a configuration that `lora-sweep` runs unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

GROUPS = ("model", "quantization", "lora", "data", "training")

_FREE = "kwargs"
"""The key in a group that takes any name."""

_DERIVED = {"lora.realised_gain"}

_TEXTS = (".name", ".path", ".validation_path", ".test_path", ".revision", ".subset", ".split", ".template")
"""How the keys end whose values are text, whatever they look like."""


def nested(params: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns parameters under dotted names as a mapping per group.

    Args:
        params: As a trial recorded them; what is no part of a trial's configuration is left out.

    Returns:
        A mapping of values by group. Alpha is left to the gain it came from: one of the two is given.
    """
    groups: dict[str, dict[str, Any]] = {group: {} for group in GROUPS}
    for key, value in params.items():
        group, _, name = key.partition(".")
        if group not in groups or key in _DERIVED:
            continue
        if name.startswith(f"{_FREE}."):
            groups[group].setdefault(_FREE, {})[name.removeprefix(f"{_FREE}.")] = value
        else:
            groups[group][name] = str(value) if value is not None and key.endswith(_TEXTS) else value
    if groups["lora"].get("gain") is not None:
        groups["lora"]["alpha"] = None
    return {group: values for group, values in groups.items() if values}


def trainer_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what computes the same curve to the last bit: the trainer, and the shape of the pack there was."""
    if params.get("trainer.name") == "sft":
        return {"trainer": {"name": "sft"}}
    if "pack.slots" not in params:
        return {}
    return {
        "trainer": {"name": "auto", "capacity": params["pack.slots"], "shared_prefix": params.get("pack.prefix", 0) > 0}
    }


def text(values: Mapping[str, Any], sweep: str, objective: Mapping[str, str], head: str) -> str:
    """Returns `best.yaml`.

    Args:
        values: A mapping per group, as `nested` returns it, and `trainer_of`'s.
        sweep: The sweep's name: the run of its winner is called after it.
        objective: What it was chosen by: `metric` and `direction`.
        head: Lines of comment.
    """
    body = {
        "defaults": ["config", "_self_"],
        **_literal(values),
        "sweep": {"name": f"{sweep}-best", **objective},
    }
    comment = "".join(f"# {line}\n" for line in head.splitlines())
    return comment + yaml.dump(body, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)


class _Dumper(yaml.SafeDumper):
    """Writes a text of several lines as lines, as a person would."""


def _shown(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _shown)


def _literal(value: Any) -> Any:
    """Keeps OmegaConf from taking what stands in a text for a reference: `${` is literal behind a backslash."""
    if isinstance(value, str):
        return value.replace("${", "\\${")
    if isinstance(value, Mapping):
        return {key: _literal(item) for key, item in value.items()}
    return [_literal(item) for item in value] if isinstance(value, list) else value
