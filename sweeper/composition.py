"""From a point of the space to a validated trial."""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, get_type_hints

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from sweeper import combinations, gain, generated_rows, newlines, passthrough, replacement, rules, search_space
from sweeper.names import nearest
from sweeper.settings import Settings
from sweeper.space import Space
from sweeper.validation import Problem, build
from trainers.trial import TrialConfig

TRIAL_GROUPS = ("model", "quantization", "lora", "data", "training")
SETTINGS_GROUPS = ("trainer", "sampler", "pruner", "executor", "tracking", "sweep", "replay", "diagnosis")

# Mappings that take any key: the libraries they are handed to know which ones there are.
FREE = (
    *("lora.kwargs", "training.kwargs", "training.lr_scheduler_kwargs", "sampler.kwargs", "pruner.kwargs"),
    *(search_space.GROUP, "procedure"),
)

Compose = Callable[[Sequence[str]], DictConfig]


class Composer:
    """Composes trials of one command.

    Hydra composes once per combination of config groups (tens of milliseconds); values are set on a copy of that.
    """

    def __init__(self, compose: Compose, space: Space) -> None:
        self._space, self._compose = space, compose
        self._groups = {axis.key for axis in space.axes if getattr(axis, "is_group", False)}
        parsed = OverridesParser.create().parse_overrides(list(space.fixed))
        self._fixed_keys = {override.key_or_group for override in parsed}
        self._composed = functools.cache(lambda choices: _without_hydra(compose([*space.fixed, *choices])))
        # Most configurations hold no references: a plain copy is then twenty times faster than OmegaConf's.
        self._has_references = functools.cache(lambda choices: _refers(self._composed(choices)))
        self._plain = functools.cache(lambda choices: _plain(self._composed(choices)))

    def over(self, space: Space) -> Composer:
        """Returns a composer of the same files over another space; what both compose is composed once."""
        made = Composer(self._compose, space)
        if space.fixed == self._space.fixed:
            made._composed, made._plain = self._composed, self._plain
            made._has_references = self._has_references
        return made

    @property
    def config(self) -> DictConfig:
        """What the command sets once, composed."""
        return self._composed(())

    def plain(self, group: str) -> dict[str, Any]:
        """Returns a group as the command sets it once."""
        return dict(self._plain(())[group])

    def settings(self, params: Mapping[str, Any]) -> tuple[Settings | None, list[Problem]]:
        """Composes the groups that say how the sweep is run; `params` picks the swept config groups."""
        values = self._values(params, SETTINGS_GROUPS)
        values |= {group: _gathered(values[group]) for group in ("sampler", "pruner")}
        settings, problems = build(Settings, values)
        if settings is not None:
            problems = list(rules.broken(rules.SETTINGS_RULES, _leaves(values)))
        mended = [dataclasses.replace(item, remedy=rules.remedy(item.key) or item.remedy) for item in problems]
        return settings, mended

    def trial(self, params: Mapping[str, Any]) -> tuple[TrialConfig | None, list[Problem]]:
        """Composes one trial.

        Args:
            params: A value for every axis, under its key.

        Returns:
            The trial and no problems, or None and every problem found.
        """
        values = self._values(params, TRIAL_GROUPS)
        for group in ("model", "data"):
            values[group] = replacement.resolve(group, values[group], self._explicit(params))
        values["data"] = generated_rows.resolve(newlines.broken(values["data"]), self.plain("sweep").get("metric"))
        missing = [f"{group}.{key}" for group in values for key, value in values[group].items() if value == "???"]
        absent = [Problem(key, "???", "has no default and must be given", f"{key}=VALUE") for key in missing]
        values["lora"], problems = gain.resolve(values["lora"], self._explicit(params))
        trial, invalid = build(TrialConfig, values)
        if problems:  # about gain: alpha, which follows from it, is not to blame as well
            invalid = [item for item in invalid if item.key != "lora.alpha"]
        invalid = [*absent, *(item for item in invalid if item.key not in missing)]
        named = {problem.key for problem in invalid}
        for group in ("lora", "training"):
            passed = values[group].get("kwargs")
            if isinstance(passed, dict):  # anything else, validation has named
                problems += passthrough.problems(group, passed)
        flat = _flat(dataclasses.asdict(trial) if trial is not None else values)
        problems += [*invalid, *(item for item in rules.broken(rules.TRIAL_RULES, flat) if item.key not in named)]
        if trial is not None:
            problems += combinations.problems(trial)
        return (None if problems else trial), problems

    def unknown_axes(self) -> list[Problem]:
        """Names the axes that are no parameters: Hydra does not check the keys of a sweep."""
        known = _keys(self._composed(()))
        keys = [axis.key for axis in self._space.axes if axis.key not in self._groups and not is_free(axis.key)]
        return [
            Problem(key, "…", "there is no such parameter", nearest(key, known)) for key in keys if key not in known
        ]

    def _explicit(self, params: Mapping[str, Any]) -> Collection[str]:
        return self._fixed_keys | set(params)

    def _values(self, params: Mapping[str, Any], groups: Sequence[str]) -> dict[str, Any]:
        choices = tuple(f"{key}={params[key]}" for key in sorted(self._groups & set(params)))
        values = {key: value for key, value in params.items() if key not in self._groups}
        return {group: mapping for group, mapping in self._set(choices, values).items() if group in groups}

    def _set(self, choices: tuple[str, ...], values: Mapping[str, Any]) -> dict[str, Any]:
        """Sets values on a copy of a composition, and resolves what depends on them."""
        if not self._has_references(choices):
            plain = copy.deepcopy(self._plain(choices))
            for key, value in values.items():
                _put(plain, key.split("."), copy.deepcopy(value))
            return plain
        config = self._composed(choices).copy()
        for key, value in values.items():
            OmegaConf.update(config, key, value, force_add=is_free(key))
        return _plain(config)


def _gathered(chosen: dict[str, Any]) -> dict[str, Any]:
    """Takes arguments that stand beside a `_target_`, as Hydra's users write them, for its kwargs."""
    beside = {key: value for key, value in chosen.items() if key not in {"name", "_target_", "kwargs"}}
    if not chosen.get("_target_") or not beside:
        return chosen
    name = chosen.get("name", str(chosen["_target_"]).rpartition(".")[2])
    return {"name": name, "_target_": chosen["_target_"], "kwargs": {**chosen.get("kwargs", {}), **beside}}


def _put(plain: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for part in path[:-1]:
        plain = plain[part]
    plain[path[-1]] = value


def _refers(config: DictConfig) -> bool:
    """True where a value follows from another one, as `${lora.r}` does; the environment does not vary by trial."""
    return "${" in str(OmegaConf.to_container(config, resolve=False)).replace("${oc.env:", "")


def _without_hydra(config: DictConfig) -> DictConfig:
    """Leaves Hydra's own settings behind: they are most of a configuration, and it is copied for every trial."""
    return OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])


def trial_keys(config: DictConfig) -> list[str]:
    """Returns the dotted keys of a trial's parameters, those that the chosen options leave to their defaults too."""
    groups = get_type_hints(TrialConfig)
    declared = {group: {item.name: None for item in dataclasses.fields(groups[group])} for group in TRIAL_GROUPS}
    return list(
        {**_flat({group: _plain(config[group]) for group in TRIAL_GROUPS if group in config}), **_flat(declared)}
    )


def _keys(config: DictConfig) -> list[str]:
    """Returns every dotted key of the groups."""
    groups = {group: _plain(config[group]) for group in (*TRIAL_GROUPS, *SETTINGS_GROUPS) if group in config}
    return list(_flat(groups))


@functools.cache
def integers() -> frozenset[str]:
    """Returns the dotted keys of the parameters that take integers only."""
    groups = {field.name: get_type_hints(TrialConfig)[field.name] for field in dataclasses.fields(TrialConfig)}
    hints = {f"{group}.{name}": hint for group, kind in groups.items() for name, hint in get_type_hints(kind).items()}
    return frozenset(key for key, hint in hints.items() if hint in (int, int | None))


def is_free(key: str) -> bool:
    """True for a key inside a mapping that takes any."""
    return key.startswith(tuple(f"{mapping}." for mapping in FREE))


def _plain(node: DictConfig) -> dict[str, Any]:
    # LoraConfig and JSON know nothing of OmegaConf's containers.
    plain: dict[str, Any] = OmegaConf.to_container(node, resolve=True, throw_on_missing=False)  # type: ignore[assignment]
    return plain


def _leaves(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns every value under its dotted key, however deep."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= _leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{group}.{key}": value for group, mapping in values.items() for key, value in mapping.items()}
