"""The tables of `benchmarks.packed_gpu`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from benchmarks import flops
from benchmarks.gpu_cells import Asked, Bench, Cell
from benchmarks.markdown import table

_MORE = 1.02  # a pack twice as large that is not even this much faster ends the table
PAYS = 1.25  # what packing must gain per trial to be worth its memory: the trainer's own rule

Found = Cell | str

_PACKS = (
    "Way",
    "trial-steps per s",
    "against TRL",
    "TFLOP/s",
    "of the card's",
    "peak MiB",
    "MiB per added trial",
    "s before the first step",
)


def all_of(bench: Bench, rate: float | None) -> Iterator[str]:
    """Yields the tables and what is said about them.

    Args:
        bench: What measures.
        rate: The card's operations per second, None where it was not measured.
    """
    yield from _packs(bench, rate)
    yield from _gains(bench, "Rows per micro-batch", {str(rows): Asked(batch=rows) for rows in bench.plan.batches})
    yield from _gains(
        bench, "Tokens of the longest row", {str(most): Asked(length=most) for most in bench.plan.lengths}
    )


def _packs(bench: Bench, rate: float | None) -> Iterator[str]:
    yield "## Trials per pass\n"
    yield f"Micro-batches of {Asked.batch} rows of at most {Asked.length} tokens. Operations: {flops.COUNTED}.\n"
    trl = bench.trl(Asked())
    rows = [_row("TRL's SFTTrainer", trl, trl, rate), _row("trainers.sft", bench.sft(Asked()), trl, rate)]
    packs = dict(_growing(bench))
    for size, cell in packs.items():
        rows.append(_row(f"packed, {size}", cell, trl, rate, _added(packs, size)))
    yield table(_PACKS, rows) + "\n"


def _growing(bench: Bench) -> Iterator[tuple[int, Found]]:
    """Yields larger and larger packs, until one is hardly faster or does not fit."""
    before = 0.0
    for size in bench.plan.packs:
        cell = bench.packed(Asked(), size)
        yield size, cell
        if isinstance(cell, str) or cell.speed < before * _MORE:
            return
        before = cell.speed


def _row(words: str, cell: Found, trl: Found, rate: float | None, added: str = "") -> list[str]:
    if isinstance(cell, str):
        return [words, cell, *[""] * (len(_PACKS) - 2)]
    done = cell.flops * cell.speed
    return [
        words,
        f"{cell.speed:.2f}",
        "" if isinstance(trl, str) else f"{cell.speed / trl.speed:.2f}x",
        f"{done / 1e12:.3g}",
        "" if rate is None else f"{done / rate:.1%}",
        _mebibytes(cell),
        added,
        f"{cell.built:.2f}",
    ]


def _mebibytes(cell: Cell) -> str:
    return "" if cell.peak is None else f"{cell.peak:,.0f}"


def _added(packs: Mapping[int, Found], size: int) -> str:
    """Returns what each trial beyond the smallest pack's has added to the peak."""
    few = min(packs)
    least, cell = packs[few], packs[size]
    if size == few or isinstance(least, str) or isinstance(cell, str) or cell.peak is None or least.peak is None:
        return ""
    return f"{(cell.peak - least.peak) / (size - few):,.0f}"


def _gains(bench: Bench, axis: str, points: Mapping[str, Asked]) -> Iterator[str]:
    """Compares many trials per pass with one, point by point of an axis."""
    many = bench.plan.pack
    yield f"## {axis}\n"
    found = {point: (bench.packed(asked, 1), bench.packed(asked, many)) for point, asked in points.items()}
    header = [axis, "trial-steps per s, 1 trial", f"{many} trials", "gain", f"peak MiB, {many} trials"]
    yield table(header, [_compared(point, *cells) for point, cells in found.items()]) + "\n"
    gains = {point: gain for point, cells in found.items() if (gain := _gain(*cells)) is not None}
    pays = ", ".join(point for point, gain in gains.items() if gain >= PAYS) or "none of these"
    not_any_more = ", ".join(point for point, gain in gains.items() if gain < PAYS) or "none of these"
    yield f"{many} trials in a pass gain at least {PAYS} times at: {pays}. Less at: {not_any_more}.\n"


def _gain(one: Found, many: Found) -> float | None:
    return None if isinstance(one, str) or isinstance(many, str) else many.speed / one.speed


def _compared(point: str, one: Found, many: Found) -> list[str]:
    gain = _gain(one, many)
    speeds = [cell if isinstance(cell, str) else f"{cell.speed:.2f}" for cell in (one, many)]
    return [point, *speeds, "" if gain is None else f"{gain:.2f}x", "" if isinstance(many, str) else _mebibytes(many)]
