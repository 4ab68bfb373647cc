"""Trains everything that is provoked anew, and keeps the curves that diagnosis is measured on.

Run: python -m benchmarks.provoked [NAME ...]
Curves depend on the machine in their last digits; the kept ones were looked at by a person, so look again at what
changes (git diff --stat benchmarks/provoked/curves).
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.provoked import stored
from benchmarks.provoked.entries import SETS, Entry, entries
from benchmarks.provoked.training import config_of, trained, zeroed
from trainers.packed.key import key
from trainers.registry import Resources, make
from trainers.trial import TrialConfig

SLOTS = 1
"""Trials in a pass: each is evaluated when its own time has come, and a pass of many costs as much for one of them."""

Asked = tuple[Entry, TrialConfig]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.provoked", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these entries")
    names = parser.parse_args().names
    chosen = [entry for which in SETS for entry in entries(which) if not names or entry.name in names]
    began = time.perf_counter()
    train(chosen)
    print(f"{len(chosen)} trainings in {time.perf_counter() - began:.0f} s")


def train(chosen: Sequence[Entry]) -> None:
    """Trains entries, those together that can share a pass, and keeps their curves."""
    with tempfile.TemporaryDirectory() as folder:
        asked = [(entry, config_of(entry, Path(folder))) for entry in chosen]
        for _, group in itertools.groupby(sorted(asked, key=_order), key=_pack):
            _together(list(group))


def _pack(asked: Asked) -> str:
    """Returns what trials have to share to be trained together: one that trains alone has its own."""
    entry, config = asked
    return entry.name if entry.is_odd or key(config) is None else repr(key(config))


def _order(asked: Asked) -> tuple[str, int]:
    """Returns what brings packs together, and in them those first that train longest: slots are then seldom empty."""
    return _pack(asked), -asked[1].steps_of(asked[1].training.max_steps)


def _together(group: Sequence[Asked]) -> None:
    began = time.perf_counter()
    first = group[0][0]
    worker = make("sft" if first.is_odd else "auto", Resources(threads=1, capacity=min(SLOTS, len(group))))
    with zeroed() if first.zeroed else contextlib.nullcontext():
        for name, curve in trained(worker, {entry.name: config for entry, config in group}):
            stored.write(name, curve)
    print(f"{time.perf_counter() - began:5.1f} s  {', '.join(entry.name for entry, _ in group)}", flush=True)


if __name__ == "__main__":
    main()
