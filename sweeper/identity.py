"""Which trial is which: a hash of everything that decides what it computes."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from trainers import bundled, hub, sources
from trainers.on_disk import is_folder
from trainers.trial import Data, TrialConfig

_EDGE_BYTES = 1 << 20

_LATER: dict[str, tuple[str, ...]] = {
    "lora": ("init_lora_weights", "loftq_bits", "loftq_iter"),
    "data": ("augmentation_factor", "instruction", "on_bad_rows", "class_balance", "generated_rows", "max_new_tokens"),
    "training": (
        *("early_stopping_patience", "probes"),
        *("completion_only_loss", "label_smoothing_factor", "neftune_noise_alpha", "train_sampling_strategy"),
    ),
}
"""Fields, by group, that came after trials had been recorded: they enter only where they differ from their default."""


_TOLD_BY_CONTENT = ("name", "path", "validation_path", "test_path")

_READ = ("validation_prompts", "cache_dir")
"""What is answered for people to read, or says where files lie: nothing is trained on it, or compared by it."""


def trial_id(config: TrialConfig) -> str:
    """Hashes what identifies a trial into twelve hexadecimal digits."""
    return hashlib.sha256(json.dumps(identity(config), sort_keys=True).encode()).hexdigest()[:12]


def identity(config: TrialConfig) -> dict[str, dict[str, Any]]:
    """Returns everything that decides what a trial computes, by group.

    Data and local models enter by content, not by path; names, cache folders, the test rows and prompts that are only
    read do not enter at all, the length of answers only where answers are measured, and gain and law only through the
    alpha that follows from them.

    Args:
        config: A validated configuration whose files exist.

    Returns:
        What two trials agree in exactly if they are the same.
    """
    values = dataclasses.asdict(config)
    values["model"] = {**_without(values["model"], "name", "path", "cache_dir"), "content": model_content(config)}
    values["data"] = {
        **_without(values["data"], *_TOLD_BY_CONTENT, *_READ),
        "content": data_content(config),
    }
    values["lora"] = _without(values["lora"], "gain", "alpha_law", "alpha_r")
    for group, names in _LATER.items():
        values[group] = _without(values[group], *_at_default(getattr(config, group), names))
    if config.data.augmentation == "none":  # how often nothing is done does not matter
        values["data"] = _without(values["data"], "augmentation_factor")
    if not config.data.generated_rows:  # what is then answered is only read
        values["data"] = _without(values["data"], "max_new_tokens")
    return values


def fingerprint(config: TrialConfig) -> str:
    """Returns the first twelve digits of `data_content`."""
    return data_content(config)[:12]


def data_content(config: TrialConfig) -> str:
    """Fingerprints the training and validation rows."""
    paths = [path for path in (config.data.path, config.data.validation_path) if path]
    contents = [_source_content(path, (config.data.split, "validation"), config.data.cache_dir) for path in paths]
    return hashlib.sha256("".join(contents).encode()).hexdigest()


def test_content(data: Data) -> str:
    """Fingerprints the test rows' files into twelve digits: other rows are measured anew."""
    content = _source_content(data.test_path or data.path, ("test",), data.cache_dir)
    version = f"{data.subset} {data.revision}" if hub.is_id(data.test_path or data.path) else ""
    return hashlib.sha256(f"{content}{version}".encode()).hexdigest()[:12]


def _source_content(path: str, splits: tuple[str, ...], cache_dir: str) -> str:
    """Hashes a file or the splits in a folder; a hub id, with its revision, stands for itself."""
    place = sources.located(path, cache_dir)
    if is_folder(place):
        files = [file for split in splits for file in sources.files_of(place, split)]
        return "".join(f"{file.name} {_file_content(str(file))} " for file in files)
    return f"{path} " if hub.is_id(path) else _file_content(str(place))


def model_content(config: TrialConfig) -> str:
    """Fingerprints a bundled or local model; a hub id stands for itself."""
    if bundled.is_bundled(config.model.path):
        return bundled.tiny_fingerprint()
    folder = Path(config.model.path)
    return _folder_content(str(folder.resolve())) if folder.is_dir() else config.model.path


@functools.cache
def _file_content(path: str) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def _folder_content(path: str) -> str:
    """Hashes names, sizes and both ends of every file: enough to tell models apart without reading gigabytes."""
    digest = hashlib.sha256()
    for file in sorted(item for item in Path(path).iterdir() if item.is_file()):
        digest.update(f"{file.name} {file.stat().st_size} ".encode())
        with file.open("rb") as content:
            digest.update(content.read(_EDGE_BYTES))
            content.seek(max(0, file.stat().st_size - _EDGE_BYTES))
            digest.update(content.read())
    return digest.hexdigest()


def _at_default(group: Any, names: Iterable[str]) -> list[str]:
    made = {item.name: item.default_factory for item in dataclasses.fields(group) if callable(item.default_factory)}
    plain = {item.name: item.default for item in dataclasses.fields(group)}
    return [name for name in names if getattr(group, name) == (made[name]() if name in made else plain[name])]


def _without(values: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in keys}
