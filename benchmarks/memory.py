"""The memory estimate against the peaks of real trainings with `trainers.sft`.

Run: python -m benchmarks.memory [--device cuda]
A Llama of random weights is made on this machine: a small one for a CPU, where torch's allocations are followed, one of
Llama-3.2-1B's shape for a GPU, where `torch.cuda.max_memory_allocated` is asked. Wanted: within 15 %.
"""

from __future__ import annotations

import argparse
import gc
import logging
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from benchmarks import made_rows, markdown, shapes
from benchmarks.allocations import MIB, peak_mib, resident_mib
from benchmarks.trl_loop import quiet
from sweeper import model_facts
from sweeper.memory.estimate import MemoryEstimate, estimate
from sweeper.memory.precision import Kind
from trainers import sft
from trainers.loaded import Loaded
from trainers.registry import Resources
from trainers.seam import LEAVES, Failed, GoOn, Start
from trainers.trial import Data, Lora, Model, Quantization, Training, TrialConfig

SMALL = shapes.LlamaShape(128, 384, 4, 4, 2, 2_048, torch.float32)

CASES: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "dropout 0.1": {"dropout": 0.1},
    "rank 64": {"r": 64},
    "one row": {"rows": 1},
    "short rows": {"length": 128},
    "queries and values": {"targets": ["q_proj", "v_proj"]},
    "eager attention": {"attention": "eager"},
    "checkpointing": {"checkpointing": True},
    "nf4": {"quantization": "nf4"},
    "nf4, dropout 0.1": {"quantization": "nf4", "dropout": 0.1},
    "nf4, checkpointing": {"quantization": "nf4", "checkpointing": True},
    "int8": {"quantization": "int8"},
    "bfloat16 adapter": {"adapter": "bfloat16"},
    "one row, evaluates 32": {"rows": 1, "evaluated": 32},
    "one row, evaluates 32, eager": {"rows": 1, "evaluated": 32, "attention": "eager"},
    "packed": {"packing": True, "rows": 2, "length": 64},
}

_LENGTH, _ROWS = 256, 4


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    device = torch.device(parser.parse_args().device)
    quiet()
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # int8 tells of every cast
    torch.set_num_threads(1)
    header = ["case", "estimate, MiB", "measured, MiB", "difference", *MemoryEstimate.__dataclass_fields__]
    with tempfile.TemporaryDirectory() as folder:
        print(markdown.table(header, list(_rows(Path(folder), device))))


def _rows(folder: Path, device: torch.device) -> Iterator[list[str]]:
    shapes.build(shapes.ONE_BILLION if device.type == "cuda" else SMALL, folder / "model", device)
    for case, own in CASES.items():
        config, found = estimated(folder, "cuda" if device.type == "cuda" else "cpu", **own)
        took = measured(config, device)
        parts = [f"{getattr(found, name):,.1f}" for name in MemoryEstimate.__dataclass_fields__]
        yield [case, f"{found.mib:,.1f}", f"{took:,.1f}", f"{found.mib / took - 1:+.1%}", *parts]


def estimated(folder: Path, kind: Kind, **own: Any) -> tuple[TrialConfig, MemoryEstimate]:
    """Returns a case's trial, and what it should take.

    Args:
        folder: Where the base is, as `model`, and where the rows will be.
        kind: The device.
        **own: One of `CASES`.
    """
    config, length = _trial(folder, **own)
    facts = model_facts.read(config.model)
    if facts is None:
        raise RuntimeError(f"no model in {config.model.path}")
    evaluated = config.training.per_device_eval_batch_size
    predicted = made_rows.COMPLETION + 1
    return config, estimate(config, facts, length, kind, predicted=predicted, validation_rows=evaluated)


def _trial(
    folder: Path,
    *,
    r: int = 8,
    dropout: float = 0.0,
    targets: Any = "all-linear",
    adapter: Any = "float32",
    rows: int = _ROWS,
    length: int = _LENGTH,
    attention: str | None = None,
    quantization: Any = "none",
    checkpointing: bool = False,
    packing: bool = False,
    evaluated: int = 1,
) -> tuple[TrialConfig, int]:
    """Returns a trial, and its longest row's tokens: all rows are one micro-batch, but where several fill one."""
    train, validation = folder / f"{rows}-{length}.jsonl", folder / f"validation-{length}-{evaluated}.jsonl"
    made_rows.write(train, rows * (40 if packing else 1), length)
    made_rows.write(validation, evaluated, length)
    config = TrialConfig(
        Model("llama", str(folder / "model"), attn_implementation=attention),
        Quantization(quantization),
        Lora(r, 2 * r, dropout=dropout, target_modules=targets, dtype=adapter),
        Data("made", str(train), validation_path=str(validation)),
        Training(
            1e-4,
            per_device_train_batch_size=rows,
            per_device_eval_batch_size=evaluated,
            max_steps=2,
            eval_steps=2,
            max_length=_LENGTH if packing else length,
            activation_checkpointing=checkpointing,
            packing=packing,
        ),
    )
    return config, length


def measured(config: TrialConfig, device: torch.device) -> float:
    """Returns the MiB that a trial takes at its peak, its base among them."""
    gc.collect()
    loaded = Loaded(device)
    model = loaded.base(config).model
    loaded.rows(config)
    if device.type == "cpu":
        return resident_mib(model) + peak_mib(lambda: _run(config, device, loaded))
    torch.cuda.reset_peak_memory_stats(device)
    _run(config, device, loaded)
    return torch.cuda.max_memory_allocated(device) / MIB


def _run(config: TrialConfig, device: torch.device, loaded: Loaded) -> None:
    worker = sft.make(Resources(str(device)), loaded)
    events = list(worker.advance([Start("t", config, "")]))
    while not isinstance(events[-1], LEAVES):
        events = list(worker.advance([GoOn("t")]))
    if isinstance(events[-1], Failed):
        raise RuntimeError(events[-1])


if __name__ == "__main__":
    main()
