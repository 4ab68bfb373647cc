"""Makes Optuna's samplers and pruners, and anybody's, from a `_target_` and its arguments, as Hydra does."""

from __future__ import annotations

import inspect
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import optuna
from hydra.errors import HydraException
from hydra.utils import get_class, instantiate
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from sweeper.distributions import suggest
from sweeper.settings import PrunerSettings, Sampler, Settings
from sweeper.space import Space
from sweeper.validation import Problem

TPE = "optuna.samplers.TPESampler"  # what sampler=auto draws with where a grid is impossible


def sampler_of(settings: Sampler, seed: int) -> BaseSampler:
    """Returns a sampler; one that takes a `seed` gets it."""
    target = settings.target or TPE
    seeded = {"seed": seed} if "seed" in inspect.signature(_class(target)).parameters else {}
    made: BaseSampler = _quietly(target, {**seeded, **settings.kwargs})
    return made


def pruner_of(settings: PrunerSettings) -> BasePruner:
    """Returns a pruner of Optuna's kind; one that never prunes where the settings name none."""
    if settings.target is None:
        return optuna.pruners.NopPruner()
    made: BasePruner = _quietly(settings.target, settings.kwargs)
    return made


def _quietly(target: str, kwargs: dict[str, Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # chosen by name, knowingly
        return instantiate({"_target_": target, **kwargs}, _convert_="all")


def problems(settings: Settings, space: Space) -> Iterator[Problem]:
    """Finds samplers and pruners that cannot be made, and samplers that cannot draw from the space."""
    found = list(_problems("pruner", settings.pruner, BasePruner)) if settings.pruner.target is not None else []
    if settings.sampler.target is not None:
        wrong = list(_problems("sampler", settings.sampler, BaseSampler))
        found += wrong or _undrawable(settings.sampler, space)
    yield from found


def _undrawable(settings: Sampler, space: Space) -> list[Problem]:
    """Draws once: many a sampler looks at its arguments and at the space only then."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        trial = optuna.create_study(sampler=sampler_of(settings, 0)).ask()
        for axis in space.axes:
            suggest(trial, axis)
    except Exception as error:  # noqa: BLE001 - a class of anybody's may raise anything
        given = f" with {settings.kwargs}" if settings.kwargs else ""
        rule = f"cannot draw from this space{given} ({_first_line(error)})"
        return [Problem("sampler._target_", settings.target, rule, "sampler=tpe")]
    return []


def _problems(group: str, settings: Sampler | PrunerSettings, kind: type) -> Iterator[Problem]:
    target, example = str(settings.target), "sampler=tpe" if group == "sampler" else "pruner=median"
    try:
        found = _class(target)
    except (HydraException, ImportError, AttributeError, ValueError) as error:
        yield Problem(f"{group}._target_", target, f"is no class ({_first_line(error)})", example)
        return
    if not issubclass(found, kind):
        yield Problem(f"{group}._target_", target, f"is no optuna {group}", example)
        return
    try:
        sampler_of(settings, 0) if isinstance(settings, Sampler) else pruner_of(settings)
    except (HydraException, TypeError, ValueError, ImportError, AttributeError) as error:
        rule = f"{found.__name__} cannot be made of this ({_first_line(error)})"
        yield Problem(f"{group}.kwargs", settings.kwargs, rule, f"the arguments that {target} documents")


def _class(target: str) -> type:
    logger = logging.getLogger("hydra.utils")
    logger.addFilter(_never)  # it tells the terminal what the message will say
    try:
        return get_class(target)
    finally:
        logger.removeFilter(_never)


def _never(record: logging.LogRecord) -> bool:
    return False


def _first_line(error: Exception) -> str:
    """Returns the innermost reason on one line: Hydra wraps it."""
    inner = error.__cause__ or error
    return " ".join(str(inner).split()) or type(inner).__name__
