"""A run of anybody's transformers or TRL Trainer, as its `trainer_state.json` tells it.

Nothing but JSON is read: `training_args.bin` is a pickle, which can run whatever its author likes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from analysis.curve import Points
from analysis.recorded_run import RecordedRun, curve_of
from analysis.report_error import ReportError

STATE = "trainer_state.json"
ADAPTER = "adapter_config.json"

# Ours for theirs: transformers.TrainerState, peft.LoraConfig.
_STATE_KEYS = {
    "max_steps": "training.max_steps",
    "train_batch_size": "training.per_device_train_batch_size",
    "logging_steps": "training.logging_steps",
    "eval_steps": "training.eval_steps",
}
_ADAPTER_KEYS = {
    "r": "lora.r",
    "lora_alpha": "lora.alpha",
    "lora_dropout": "lora.dropout",
    "use_rslora": "lora.use_rslora",
    "target_modules": "lora.target_modules",
    "bias": "lora.bias",
    "base_model_name_or_path": "model.path",
}


def read(path: Path) -> RecordedRun:
    """Reads a run.

    Args:
        path: A `trainer_state.json`, or a folder that holds one, directly or in its newest `checkpoint-*`.

    Returns:
        The run, named by its folder. Its parameters are what the state says and what an `adapter_config.json` beside it
        says of the adapter.

    Raises:
        ReportError: There is no such file, or it is none that a Trainer wrote.
    """
    file = state_file(path)
    state = _json(file)
    history = state.get("log_history")
    if not isinstance(history, list):
        raise ReportError(f"{file} has no log_history: it is no {STATE} of a transformers Trainer")
    entries = [entry for entry in history if isinstance(entry, dict)]
    steps = _count(state.get("max_steps"))
    curve = curve_of(_points(entries), steps, _outcome(state, entries, steps))
    if not (curve.losses or curve.evals):
        raise ReportError(f"{file} holds neither a loss nor an evaluation: the run logged nothing yet")
    return RecordedRun(_name(file), curve, {**_known(state, _STATE_KEYS), **_adapter(file, path)})


def costs(path: Path) -> dict[str, float]:
    """Returns what a run took, under our names: `steps`, and `seconds` where its Trainer summed it up.

    Args:
        path: As for `read`.

    Raises:
        ReportError: There is no such file, or it holds no JSON object.
    """
    state = _json(state_file(path))
    found = {"steps": _count(state.get("global_step"))}
    history = state.get("log_history")
    entries = history if isinstance(history, list) else []
    took = [entry["train_runtime"] for entry in entries if isinstance(entry, dict) and "train_runtime" in entry]
    seconds = [_float(value) for value in took if isinstance(value, (int, float)) and not isinstance(value, bool)]
    kept = {name: float(value) for name, value in found.items() if value is not None}
    return {**kept, **({"seconds": seconds[-1]} if seconds else {})}


def state_file(path: Path) -> Path:
    """Returns the `trainer_state.json` that a path means.

    Raises:
        ReportError: There is none.
    """
    if not path.is_dir():
        return path
    if (path / STATE).is_file():
        return path / STATE
    states = [folder / STATE for folder in path.glob("checkpoint-*") if (folder / STATE).is_file()]
    if not states:
        raise ReportError(f"{path} holds no {STATE}, nor does a checkpoint-* in it; give the Trainer's output folder")
    return max(states, key=lambda file: (_number_of(file.parent), file.parent.name))


def _number_of(checkpoint: Path) -> int:
    number = checkpoint.name.removeprefix("checkpoint-")
    return int(number) if number.isascii() and number.isdigit() and len(number) < 19 else -1


def _name(file: Path) -> str:
    folder = file.absolute().parent
    return folder.parent.name if folder.name.startswith("checkpoint-") else folder.name


def _json(file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReportError(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # malformed JSON, bytes that are no text, brackets without end
        said = str(error).splitlines()[0]
        raise ReportError(f"{file} is not the JSON that a transformers Trainer writes: {said}") from error
    if not isinstance(found, dict):
        raise ReportError(f"{file} is not the JSON that a transformers Trainer writes: it holds no object")
    return found


def _points(entries: Iterable[Mapping[str, Any]]) -> dict[str, Points]:
    """Returns points by name; of a step that was logged again after a resumption, the later one."""
    found: dict[str, dict[int, float]] = {}
    for entry in entries:
        step = _count(entry.get("step"))
        for name, value in entry.items():
            if step is not None and isinstance(value, (int, float)) and not isinstance(value, bool):
                found.setdefault(name, {})[step] = _float(value)
    return {name: tuple(sorted(points.items())) for name, points in found.items()}


def _float(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer of hundreds of digits
        return math.inf


def _count(value: Any) -> int | None:
    """Returns a number of steps; None for what is none, or not above 0 (-1 stands for unknown)."""
    is_whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return int(value) if is_whole and not isinstance(value, bool) and value > 0 else None


def _outcome(state: Mapping[str, Any], entries: Iterable[Mapping[str, Any]], steps: int | None) -> str:
    """Returns `complete` where all steps were run, or the Trainer says that it is over.

    It sums a run up at its end; a checkpoint of before says that training should stop where patience had an end
    (transformers.TrainerControl, EarlyStoppingCallback).
    """
    done = _count(state.get("global_step")) or 0
    is_over = any("train_runtime" in entry for entry in entries) or _was_stopped(state)
    return "complete" if is_over or steps is None or done >= steps else "interrupted"


def _was_stopped(state: Mapping[str, Any]) -> bool:
    found: Any = state
    for key in ("stateful_callbacks", "TrainerControl", "args", "should_training_stop"):
        found = found.get(key) if isinstance(found, dict) else None
    return found is True


def _adapter(file: Path, asked: Path) -> dict[str, Any]:
    beside = (folder / ADAPTER for folder in dict.fromkeys((file.parent, asked)))
    found = next((item for item in beside if item.is_file()), None)
    return {} if found is None else _known(_json(found), _ADAPTER_KEYS)


def _known(values: Mapping[str, Any], keys: Mapping[str, str]) -> dict[str, Any]:
    known = {ours: values[theirs] for theirs, ours in keys.items() if values.get(theirs) is not None}
    return {key: sorted(map(str, value)) if isinstance(value, list) else value for key, value in known.items()}
