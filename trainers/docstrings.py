"""A real data set without a download: what functions of Python's standard library do, told from their signatures.

The rows are made once from the source files of the Python that runs, and kept; modules are read, never imported.
"""

from __future__ import annotations

import functools
import hashlib
import json
import platform
import shutil
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

from trainers import signatures
from trainers.evenly_spaced import evenly_spaced

PATH = "bundled:docstrings"

MOST_VALIDATION = 300
"""Rows, evenly spaced: a rung of the tiny model takes a second then, and ROUGE is known to a hundredth."""

Pair = dict[str, str]
Splits = dict[str, list[Pair]]

# Tests, two programs and a retired tool; what is installed besides; and what a build leaves.
_LEFT_OUT = {"test", "tests", "idlelib", "turtledemo", "lib2to3", "site-packages", "dist-packages", "__pycache__"}

# Tenths of the modules: validation 0, test 1, training the rest.
_SPLITS = {0: "validation", 1: "test"}


def folder(cache_dir: str) -> Path:
    """Returns a folder with `train.jsonl`, `validation.jsonl`, `test.jsonl` and `counts.json`, made where it is new.

    Args:
        cache_dir: Where it is kept, under a fingerprint of Python's version, its library's place and this recipe.
            Processes may ask for it at the same time.
    """
    place = Path(cache_dir) / f"docstrings-{fingerprint()}"
    if not place.is_dir():
        _write(place)
    return place


@functools.cache
def fingerprint() -> str:
    """Returns twelve digits that differ where the rows may."""
    digest = hashlib.sha256(f"{platform.python_version()} {_library()}".encode())
    for file in (__file__, signatures.__file__):
        digest.update(Path(file).read_bytes())
    return digest.hexdigest()[:12]


def made(library: Path) -> tuple[Splits, dict[str, int]]:
    """Makes the rows.

    Args:
        library: A folder of Python source.

    Returns:
        The rows of each split, and counts: `found` rows are those of the splits, `repeated` ones, which stand in
        another split or earlier, and validation rows `beyond` MOST_VALIDATION. All rows of a module are in one split,
        so that methods do not leak what their siblings say.
    """
    splits: Splits = {"validation": [], "test": [], "train": []}
    for module, rows in _found(library):
        splits[split_of(module)].extend(rows)
    found = sum(map(len, splits.values()))
    splits = _different(splits)
    different = sum(map(len, splits.values()))
    splits["validation"] = list(evenly_spaced(splits["validation"], MOST_VALIDATION))
    kept = {name: len(rows) for name, rows in splits.items()}
    return splits, {"found": found, **kept, "repeated": found - different, "beyond": different - sum(kept.values())}


def split_of(module: str) -> str:
    """Returns the split of a module, by a hash of its name: the same on every machine."""
    return _SPLITS.get(hashlib.sha256(module.encode()).digest()[0] % 10, "train")


def _found(library: Path) -> Iterator[tuple[str, list[Pair]]]:
    for file in sorted(library.rglob("*.py")):
        parts = file.relative_to(library).with_suffix("").parts
        is_private = any(part.startswith("_") and part != "__init__" for part in parts)
        if not is_private and not _LEFT_OUT & set(parts) and not parts[0].startswith("config-"):
            text = file.read_text(encoding="utf-8", errors="replace")
            yield ".".join(part for part in parts if part != "__init__"), list(signatures.rows(text))


def _different(splits: Splits) -> Splits:
    """Leaves out what stands twice: in training rows what is held out, so that nothing measured was trained on."""
    seen: set[tuple[str, str]] = set()
    kept: Splits = {}
    for name, rows in splits.items():  # held-out splits first
        kept[name] = []
        for row in rows:
            key = (row["prompt"], row["completion"])
            if key not in seen:
                seen.add(key)
                kept[name].append(row)
    return kept


def _library() -> str:
    return sysconfig.get_path("stdlib")


def _write(place: Path) -> None:
    """Writes the folder beside and renames it; where another process was faster, its folder is the same one."""
    splits, counts = made(Path(_library()))
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f"{place.name}.", dir=place.parent))
    try:
        for name, rows in splits.items():
            lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            (fresh / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
        (fresh / "counts.json").write_text(json.dumps(counts))
        fresh.chmod(0o755)  # mkdtemp's folder is its owner's alone
        fresh.rename(place)
    except OSError:
        if not place.is_dir():
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
