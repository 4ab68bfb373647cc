"""A replayed sweep inside this process, so that only book-keeping is measured."""

from __future__ import annotations

import csv
import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from optuna.distributions import distribution_to_json

from sweeper import executors, post
from sweeper.composition import Composer
from sweeper.courier import Courier
from sweeper.decisions import Objective
from sweeper.driver import Driver, View
from sweeper.event_log import EventLog
from sweeper.history import History, Trial
from sweeper.interruption import Interruption
from sweeper.paths import SweepPaths
from sweeper.planner import Planner
from sweeper.search import Sampled
from sweeper.space import Space, parse
from sweeper.study import Study

CONF = Path(__file__).parent.parent / "conf"
RANKS = (2, 4, 8, 16, 32, 64, 128, 256)
DROPOUTS = (0.0, 0.03, 0.05, 0.1)
# The learning rate is drawn but no column of the table, so that every point of a continuous axis has its row.
AXES = (
    f"lora.r=choice({','.join(map(str, RANKS))})",
    f"lora.dropout=choice({','.join(map(str, DROPOUTS))})",
    "training.learning_rate=tag(log,interval(1e-5,1e-3))",
)
OBJECTIVE = Objective("eval_loss", "minimize")


@dataclass
class Clock:
    """A view that notes when each trial ended."""

    ended: list[float]

    def apply(self, record: Mapping[str, Any], trial: Trial | None) -> None:
        """Follows the log."""
        if record["event"] == "ended":
            self.ended.append(time.perf_counter())


def write_table(path: Path, rungs: int, extra_metrics: int = 0) -> None:
    """Writes a curve with so many rungs for every combination of rank and dropout."""
    extra = [f"metric_{number}" for number in range(extra_metrics)]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["lora.r", "lora.dropout", "step", "eval_loss", *extra])
        for r, dropout in itertools.product(RANKS, DROPOUTS):
            for step in range(1, rungs + 1):
                writer.writerow([r, dropout, step, 1 + 1 / r + dropout + 1 / step, *[step] * extra_metrics])


def run(folder: Path, trials: int, table: Path, sampler: str, with_mlflow: bool = False) -> list[float]:
    """Runs a sampled sweep.

    Args:
        folder: Where the sweep writes.
        trials: How many trials.
        table: Their curves.
        sampler: `tpe` or `random`.
        with_mlflow: Whether MLflow records them in SQLite.

    Returns:
        Seconds per trial, in the order they ended.
    """
    folder.mkdir(parents=True, exist_ok=True)
    fixed = ["trainer=replay", f"replay.table={table}", f"sampler={sampler}", "executor=inline", "lora.gain=2"]
    space, _ = parse([*fixed, *AXES], lambda key: [])
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composer = Composer(lambda overrides: compose("config", list(overrides)), space)
        return _drive(folder, trials, composer, space, with_mlflow)


def _drive(folder: Path, trials: int, composer: Composer, space: Space, with_mlflow: bool) -> list[float]:
    settings, _ = composer.settings({})
    assert settings is not None
    paths, history = SweepPaths(folder), History()
    study = Study(space, settings.sampler, settings.pruner, OBJECTIVE, seed=0)
    clock = Clock([])
    axes = {key: distribution_to_json(found) for key, found in study.distributions.items()}
    with Interruption() as interruption, EventLog(paths.events) as log:
        couriers = [Courier("storage", post.copies(paths, None), [])]
        if with_mlflow:
            uri = f"sqlite:///{folder / 'mlflow.db'}"
            post.connect(folder, uri, "bench")  # makes the database, once and for all
            delivery = post.delivery("bench", folder, uri, "bench")
            couriers.append(Courier("MLflow", delivery, []))
        for record in (log.append("opened", vars(OBJECTIVE)), log.append("searched", {"distributions": axes})):
            for courier in couriers:
                courier.apply(record)
        views: list[View] = [study, *couriers]
        driver = Driver(
            history=history,
            proposals=[],
            planner=Planner(composer, Sampled(space, trials, study), study.fits, with_reference=False),
            log=log,
            executor=executors.launch(settings, paths.log),
            objective=OBJECTIVE,
            pruner=study,
            views=[*views, clock],
            paths=paths,
            interruption=interruption,
        )
        began = time.perf_counter()
        driver.run()
        for courier in couriers:
            assert courier.finish(patience_s=60) is None, "not all of it was recorded"
    marks = [began, *clock.ended[:-1], time.perf_counter()]  # what was delivered last counts with the last trial
    return [later - earlier for earlier, later in itertools.pairwise(marks)]


def milliseconds(seconds: list[float]) -> float:
    """Returns the mean in milliseconds."""
    return 1000 * sum(seconds) / len(seconds)
