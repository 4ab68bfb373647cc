"""Trials of a 1B-parameter Llama in one pass, on a GPU: against TRL, by pack, micro-batch and length of a row.

Run: make bench-gpu, or python -m benchmarks.packed_gpu [--small] [--out FOLDER]
The model has Llama-3.2-1B's shape and random weights, quantized to nf4; LoRA of rank 16 on all linear layers; rows have
a template of 40 tokens and about 25 of their own. Everything is made on this machine, nothing is downloaded. Of this
project only `trainers` is imported besides the benchmarks. Writes a Markdown file.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from benchmarks import flops, machine, packed_gpu_tables, shapes
from benchmarks.gpu_cells import Bench, Plan
from benchmarks.trl_loop import quiet
from trainers.trial import Quantization

RESULTS = Path(__file__).parent / "results"

WHOLE = Plan(
    shapes.ONE_BILLION,
    Quantization("nf4"),
    steps=15,
    logging_steps=3,
    packs=(1, 2, 4, 8, 16, 32, 64),
    pack=16,
    batches=(1, 2, 4, 8, 16),
    lengths=(64, 128, 256, 512),
    minutes=8,
)
SMALL = Plan(
    shapes.MICRO,
    Quantization(),
    steps=3,
    logging_steps=1,
    packs=(1, 2),
    pack=2,
    batches=(1, 2),
    lengths=(64,),
    minutes=1,
)


def main(arguments: list[str] | None = None) -> None:
    asked = _arguments(arguments)
    if not (asked.small or torch.cuda.is_available()):
        sys.exit("benchmarks.packed_gpu needs a CUDA device and torch sees none; --small tries the script on a CPU.")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    asked.out.mkdir(parents=True, exist_ok=True)
    name = f"{datetime.date.today()}-{machine.card(device).replace(' ', '-')}{'-small' * asked.small}.md"
    with (asked.out / name).open("w") as file:
        for part in _report(SMALL if asked.small else WHOLE, device):
            print(part, flush=True)
            print(part, file=file, flush=True)  # what was measured stays, whatever happens to the rest
    print(f"\nwritten to {asked.out / name}")


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    about = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.packed_gpu", description=about)
    parser.add_argument("--small", action="store_true", help="a micro model for three steps, on a CPU too")
    parser.add_argument("--out", type=Path, default=RESULTS, help="the folder that the Markdown file is written to")
    return parser.parse_args(arguments)


def _report(plan: Plan, device: torch.device) -> Iterator[str]:
    """Yields the parts of the Markdown file as they are measured."""
    quiet()
    yield from _heading(plan, device)
    rate = flops.measured_rate() if device.type == "cuda" else None
    if rate:
        yield f"A product of two large bfloat16 matrices runs at {rate / 1e12:.0f} TFLOP/s here.\n"
    with tempfile.TemporaryDirectory() as folder:
        shapes.build(plan.shape, Path(folder) / "model", device)
        yield from packed_gpu_tables.all_of(Bench(plan, device, Path(folder)), rate)


def _heading(plan: Plan, device: torch.device) -> Iterator[str]:
    command = "python -m benchmarks.packed_gpu" + " --small" * (plan is SMALL)
    facts = {"Date": str(datetime.date.today()), "Command": f"`{command}`", **machine.facts(device)}
    facts["Model"] = f"{plan.shape.words()}, random weights, quantization {plan.quantization.name}, LoRA of rank 16"
    yield f"# Packed trials on {machine.card(device)}\n"
    yield "\n".join(f"- {name}: {value}" for name, value in facts.items()) + "\n"


if __name__ == "__main__":
    main()
