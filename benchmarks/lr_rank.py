"""The playbook's first links on published sweeps of 35 models: what they cost, and how far from the best they end.

Run: python -m benchmarks.lr_rank
The tables (benchmarks/curves/lr_rank.csv) are the final test losses (nats per token) of LoRA runs on tulu3 over rank
and learning rate: thinking-machines-lab/tinker-cookbook (Apache-2.0),
`tinker_cookbook/recipes/chat_sl/results/sft_sweep.md`.
Diverged runs are `nan` there, cells that were not published are empty and fail here; repeated runs are averaged.
Stages, rules and order are those of conf/procedure/playbook.yaml, read from the file; the values are the tables', and
nothing was tuned on them. A trial that diverged or failed is counted like any other.
Wanted: at most 45 % of the grid's trials, a mean regret of at most 0.0008 nats.
"""

from __future__ import annotations

import csv
import math
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.arrivals import CONF, conduct, understood

TABLE = Path(__file__).parent / "curves" / "lr_rank.csv"
LINKS = ("rate", "rank", "rate_again")
Cell = tuple[int, float]


@dataclass(frozen=True)
class Grid:
    """One model's sweep: the runs' losses by (rank, learning rate), nan where they diverged, none where unpublished."""

    model: str
    cells: Mapping[Cell, Sequence[float]]

    def loss(self, cell: Cell) -> float:
        """Returns a cell's mean loss, infinite where there is none."""
        runs = self.cells.get(cell, ())
        mean = statistics.fmean(runs) if runs else math.inf
        return math.inf if math.isnan(mean) else mean

    @property
    def ranks(self) -> list[int]:
        """The ranks, from low to high."""
        return sorted({r for r, _ in self.cells})

    @property
    def rates(self) -> list[float]:
        """The learning rates, from low to high."""
        return sorted({rate for _, rate in self.cells})

    @property
    def best(self) -> float:
        """The grid's best loss."""
        return min(map(self.loss, self.cells))


def grids() -> list[Grid]:
    """Reads the published tables."""
    found: dict[str, dict[Cell, list[float]]] = {}
    with TABLE.open() as file:
        for row in csv.DictReader(file):
            cells = found.setdefault(row["model"], {})
            runs = cells.setdefault((int(row["lora.r"]), float(row["training.learning_rate"])), [])
            runs += [float(row["test_nll"])] if row["test_nll"] else []
    return [Grid(model, cells) for model, cells in found.items()]


def noise(all_grids: Sequence[Grid]) -> float:
    """Returns the standard error of a difference, as a share of the loss, from the cells that were run repeatedly."""
    repeated = [
        runs for grid in all_grids for runs in grid.cells.values() if len(runs) > 1 and not any(map(math.isnan, runs))
    ]
    relative = [statistics.variance(runs) / statistics.fmean(runs) ** 2 for runs in repeated]
    return math.sqrt(2 * statistics.fmean(relative))


def chain(folder: Path) -> Path:
    """Writes the playbook's links up to the rate at the chosen rank as a procedure of their own; returns its folder."""
    playbook = yaml.safe_load((CONF / "procedure" / "playbook.yaml").read_text())
    stages = {name: playbook["stages"][name] for name in LINKS}
    rate = stages["rate"]["vary"]["training.learning_rate"]
    stages["rate"]["vary"]["training.learning_rate"] = rate["values"]  # no range test: the tables hold no curves
    stages["rate"].pop("extend")  # nor anything beyond them
    (folder / "procedure").mkdir()
    (folder / "procedure" / "chain.yaml").write_text(
        yaml.safe_dump({"name": "chain", "stages": stages}, sort_keys=False)
    )
    return folder


def conducted(grid: Grid, procedures: Path, folder: Path, *more: str) -> tuple[float, float]:
    """Runs the chain on one model; returns its cost as a share of the grid's trials, and its regret in nats."""
    table = folder / "table.csv"
    lines = [f"{r},{rate!r},1,{grid.loss((r, rate))}" for r, rate in grid.cells if grid.cells[r, rate]]
    table.write_text("\n".join(["lora.r,training.learning_rate,step,eval_loss", *lines]) + "\n")
    asked = understood(
        table,
        f"hydra.searchpath=[file://{procedures}]",
        "procedure=chain",
        f"lora.r={','.join(map(str, grid.ranks))}",
        f"training.learning_rate={','.join(map(repr, grid.rates))}",
        *more,
    )
    history, _, settled = conduct(folder / "sweep", asked, table)
    cell = (settled["lora.r"], settled["training.learning_rate"])
    return len(history.contenders) / (len(grid.ranks) * len(grid.rates)), grid.loss(cell) - grid.best


def by_hand(grid: Grid, again: bool) -> tuple[float, float]:
    """All rates at the lowest rank, all ranks at the best of them, then perhaps the rates beside it."""
    low = grid.ranks[0]
    rate = min(grid.rates, key=lambda item: grid.loss((low, item)))
    run = {(low, item) for item in grid.rates} | {(r, rate) for r in grid.ranks}
    if again:
        r = min(grid.ranks, key=lambda item: grid.loss((item, rate)))
        at = grid.rates.index(rate)
        run |= {(r, item) for item in grid.rates[max(0, at - 1) : at + 2]}
    return len(run) / (len(grid.ranks) * len(grid.rates)), min(map(grid.loss, run)) - grid.best


def rows(all_grids: Sequence[Grid]) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """Yields each way of searching, with its cost and regret for every model."""
    yield "all rates at the lowest rank, then all ranks", [by_hand(grid, False) for grid in all_grids]
    yield "and the rates beside it at the chosen rank", [by_hand(grid, True) for grid in all_grids]
    measured = noise(all_grids)
    for told, more in (("0.25 %, assumed", []), (f"{measured:.2%}, of repeated runs", [f"sweep.noise={measured}"])):
        with tempfile.TemporaryDirectory() as folder:
            procedures = chain(Path(folder))
            found = []
            for number, grid in enumerate(all_grids):
                (place := Path(folder) / str(number)).mkdir()
                found.append(conducted(grid, procedures, place, *more))
        yield f"the playbook's links, noise {told}", found


def main() -> None:
    all_grids = grids()
    print(f"{len(all_grids)} models, {sum(len(grid.cells) for grid in all_grids)} cells")
    print("| Search | share of the grid's trials | mean regret | worst |")
    print("| --- | ---: | ---: | ---: |")
    for name, found in rows(all_grids):
        costs, regrets = zip(*found, strict=True)
        print(f"| {name} | {statistics.fmean(costs):.1%} | {statistics.fmean(regrets):.5f} | {max(regrets):.4f} |")


if __name__ == "__main__":
    main()
