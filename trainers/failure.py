"""How what a trial raises becomes its record."""

from __future__ import annotations

import traceback

from trainers import memory
from trainers.seam import Failed, TrialFailed


def failed(trial: str, error: BaseException) -> Failed:
    """Returns the record: a sentence where one explains it, else the error's first line and its traceback."""
    if isinstance(error, TrialFailed):
        return Failed(trial, "failed", str(error))
    said = (str(error).strip().splitlines() or [type(error).__name__])[0]
    detail = "".join(traceback.format_exception(error))
    if memory.is_exhausted(error):
        return Failed(trial, "out_of_memory", said, detail)
    return Failed(trial, "failed", f"{type(error).__name__}: {said}", detail)
