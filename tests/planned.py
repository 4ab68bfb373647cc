"""What `sweep.dry_run=json` says of a procedure, composed inside this process."""

from __future__ import annotations

import json
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from benchmarks.arrivals import CONF
from sweeper import plan
from sweeper.command import group_options_of, understand


def plan_of(name: str, *more: str) -> dict[str, Any]:
    """Returns the whole plan."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        asked = understand(
            lambda overrides: compose("config", list(overrides)),
            group_options_of(loader),
            [f"procedure={name}", "sweep.dry_run=true", *more],
        )
        made: dict[str, Any] = json.loads(plan.to_json(plan.plan(asked)))
    return made


def planned(name: str, *more: str) -> dict[str, dict[str, Any]]:
    """Returns the plan's stages by name."""
    return {stage["name"]: stage for stage in plan_of(name, *more)["stages"]}
