"""What libraries say in the driver goes into the sweep's log.txt, not onto the terminal."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from analysis.redaction import redacted

_LIBRARIES = ("optuna", "mlflow", "alembic", "transformers", "datasets", "peft", "trl", "accelerate", "bitsandbytes")


@contextlib.contextmanager
def kept(path: Path) -> Iterator[None]:
    """Sends warnings and the libraries' log records to a file until the block ends.

    Args:
        path: The file; workers append to it as well.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8", delay=True)
    handler.setFormatter(_Redacted("%(asctime)s driver %(levelname)s %(name)s: %(message)s"))
    handler.handleError = lambda record: None  # type: ignore[method-assign]  # a full disk: no reason to shout
    root = logging.getLogger()
    root.addHandler(handler)
    logging.captureWarnings(True)
    take_over()
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.removeHandler(handler)
        handler.close()


class _Redacted(logging.Formatter):
    """Leaves passwords out, those in tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns a record's text."""
        return redacted(super().format(record))


def take_over() -> None:
    """Has the libraries' records reach the file, those of a library that was imported meanwhile, too."""
    for name in _LIBRARIES:
        _hand_over(logging.getLogger(name))


def _hand_over(logger: logging.Logger) -> None:
    """Takes a library's own handlers away: its records then reach the root's."""
    logger.handlers = [item for item in logger.handlers if not isinstance(item, logging.StreamHandler)]
    logger.propagate = True
