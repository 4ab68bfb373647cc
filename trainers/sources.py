"""Where rows come from: files, a folder of them, what is made on this machine, or a data set on the hub."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainers import docstrings, hub, row_files
from trainers.bundled import data_path
from trainers.data_fault import DataFault
from trainers.found_rows import BadRow, Found, Row
from trainers.on_disk import is_file, is_folder
from trainers.row_files import SUFFIXES
from trainers.seam import TrialFailed
from trainers.trial import Data

VALIDATION, TEST = "validation", "test"


def train(data: Data) -> list[Found]:
    """Reads what stands where training rows should be.

    Raises:
        TrialFailed: There is nothing to read.
    """
    return _filled(data.path, data.split, data)


def validation(data: Data) -> list[Found] | None:
    """Reads validation rows: those of `data.validation_path`, else of the split of that name; None without either."""
    return _held_out(data, data.validation_path, VALIDATION)


def test(data: Data) -> list[Found] | None:
    """Reads test rows: those of `data.test_path`, else of the split of that name; None without either.

    A split that is trained on (`data.split=test`) tests nothing.
    """
    is_trained_on = data.test_path is None and data.split == TEST
    return None if is_trained_on else _held_out(data, data.test_path, TEST)


def _held_out(data: Data, path: str | None, split: str) -> list[Found] | None:
    if path is not None:
        return _filled(path, split, data)
    return (rows_of(data.path, split, data) or None) if _has_splits(data.path, data) else None


def _filled(path: str, split: str, data: Data) -> list[Found]:
    rows = rows_of(path, split, data)
    if rows:
        return rows
    if _has_splits(path, data):
        raise TrialFailed(f"{path} has no rows in its split {split}")
    raise TrialFailed(f"data file {path} has no rows")


def _has_splits(path: str, data: Data) -> bool:
    return hub.is_id(path) or is_folder(located(path, data.cache_dir))


def located(path: str, cache_dir: str) -> Path:
    """Returns the file or folder behind a path of this machine.

    Args:
        path: An ordinary path, or `bundled:` and what comes with this package or is made of it.
        cache_dir: Where what is made is kept.

    Raises:
        DataFault: Nothing can be kept there.
    """
    try:
        return docstrings.folder(cache_dir) if path == docstrings.PATH else data_path(path)
    except OSError as error:
        rule = f"{path} is kept there once it is made, and nothing can be written: {error.strerror}"
        raise DataFault("data.cache_dir", rule, "data.cache_dir=FOLDER") from None


def rows_of(path: str, split: str, data: Data) -> list[Found]:
    """Reads the rows of one split; a file is a split by itself.

    Args:
        path: A file, a folder, a hub id, or a `bundled:` one.
        split: Its name; without effect on a file. A folder or data set without such a split has no rows.
        data: The subset and revision of a data set on the hub, and where what is made is kept.
    """
    if hub.is_id(path):
        return _hub_rows(path, split, data.subset, data.revision)
    place = located(path, data.cache_dir)
    if is_folder(place):
        return [row for file in files_of(place, split) for row in row_files.rows_of(file)]
    if not is_file(place):
        raise TrialFailed(f"data file {path} does not exist")
    return row_files.rows_of(place)


def files_of(folder: Path, split: str) -> list[Path]:
    """Lists the files of a split in a folder, named as on the hub: `train.jsonl`, `train-00000-of-00002.parquet`.

    Args:
        folder: The folder; a folder `data` in it is looked into as well.
        split: `train`, `validation` or any other.
    """
    named = re.compile(rf"{re.escape(split)}(-\d+-of-\d+)?({'|'.join(map(re.escape, SUFFIXES))})")
    found = (file for place in (folder, folder / "data") for file in place.glob("*") if named.fullmatch(file.name))
    return sorted(file for file in found if not file.is_dir())


def file_rows(file: Path) -> list[Mapping[str, Any]]:
    """Reads a file whose every row parses, as those of this package do.

    Raises:
        TrialFailed: One does not.
    """
    found = row_files.rows_of(file)
    for row in found:
        if isinstance(row, BadRow):
            raise TrialFailed(str(row))
    return [row.values for row in found if isinstance(row, Row)]


def _hub_rows(path: str, split: str, subset: str | None, revision: str | None) -> list[Found]:
    hub.settle()
    import datasets

    datasets.disable_progress_bars()
    try:
        found = datasets.load_dataset(path, subset, revision=revision)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        said = next(iter(str(error).strip().splitlines()), type(error).__name__)
        login = "a private or gated one needs `hf auth login` or HF_TOKEN"
        raise TrialFailed(f"no file here, and no data set of the hub that can be loaded ({said}); {login}") from None
    if split not in found:
        return []
    features = found[split].features
    return [
        Row(_named(row, features), f"{path}, {split}, row {number}") for number, row in enumerate(found[split], start=1)
    ]


def _named(row: Mapping[str, Any], features: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns a row with its classes' names where the data set keeps their numbers."""
    return {key: _name(value, features[key]) for key, value in row.items()}


def _name(value: Any, feature: Any) -> Any:
    """Returns a class's name; none for -1, which stands where a label is not published, as in test splits."""
    if not hasattr(feature, "int2str") or not isinstance(value, int):
        return value
    return feature.int2str(value) if value >= 0 else None
