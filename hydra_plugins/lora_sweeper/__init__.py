"""The door that Hydra demands: it finds the sweeper in this namespace folder; the substance is in `sweeper`."""

from __future__ import annotations

from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

ConfigStore.instance().store(
    group="hydra/sweeper",
    name="lora_sweeper",
    node={"_target_": "hydra_plugins.lora_sweeper.LoraSweeper"},
    provider="lora-sweeper",
)


class LoraSweeper(Sweeper):
    """Hands a multirun over to `sweeper.run`."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keeps what Hydra gives.

        Args:
            hydra_context: Composes configurations.
            task_function: Unused: trials are not run by Hydra's launchers, which wait for whole batches.
            config: The composed configuration of the command.
        """
        self.hydra_context, self.config = hydra_context, config

    def sweep(self, arguments: list[str]) -> Any:
        """Runs the sweep that the overrides ask for, and exits with its code."""
        from sweeper.run import run

        assert self.hydra_context is not None and self.config is not None  # Hydra calls setup first
        run(self.hydra_context.config_loader, self.config, arguments)
