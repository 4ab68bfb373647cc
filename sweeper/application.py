"""The Hydra application. Nothing heavy is imported before a sweep really starts."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from sweeper.say import refuse
from sweeper.space import as_list
from sweeper.validation import ConfigurationError

# conf/ is YAML only, no package: found beside this one, in a checkout and in an installation alike.
CONF = str(Path(__file__).parent.parent / "conf")


def _single(config: DictConfig) -> None:
    """Trains one trial: a sweep without axes."""
    from sweeper.run import run

    with_hydra: Any = HydraConfig.instance().cfg  # the configuration as Hydra composed it, its own node included
    run(GlobalHydra.instance().config_loader(), with_hydra, list(with_hydra.hydra.overrides.task))


def _check(arguments: list[str]) -> None:
    """Says everything that is wrong with a command line that would train, and exits with code 2."""
    asked = get_args_parser().parse_args(arguments)
    if asked.help or asked.hydra_help or asked.cfg or asked.info or asked.shell_completion or asked.config_path:
        return
    from sweeper.precheck import PRIMARY, Line, problems

    found = problems(Line(asked.overrides, asked.multirun, asked.config_dir, asked.config_name or PRIMARY), CONF)
    if found:
        refuse(ConfigurationError(found))
        sys.exit(2)


def launch() -> None:
    """Checks the command line and hands it to Hydra.

    Raises:
        SystemExit: Nearly always: 0 done, 1 nothing completed, 2 a wrong command, 130 stopped.
    """
    if "--version" in sys.argv[1:]:
        print(f"lora-sweep {version('lora-sweeper')}, with Hydra {version('hydra-core')}")
        return
    sys.argv[1:] = map(as_list, sys.argv[1:])
    _check(sys.argv[1:])
    hydra.main(version_base="1.3", config_path=CONF, config_name="config")(_single)()
