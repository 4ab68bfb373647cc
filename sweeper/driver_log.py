"""What libraries say in the driver goes into the sweep's log.txt, not onto the terminal."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

_LIBRARIES = ("optuna", "mlflow", "alembic", "transformers", "datasets", "peft", "trl", "accelerate", "bitsandbytes")


@contextlib.contextmanager
def kept(path: Path) -> Iterator[None]:
    """Sends warnings and the libraries' log records to a file until the block ends.

    Args:
        path: The file; workers append to it as well.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s driver %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    logging.captureWarnings(True)
    for name in _LIBRARIES:
        _hand_over(logging.getLogger(name))
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.removeHandler(handler)
        handler.close()


def _hand_over(logger: logging.Logger) -> None:
    """Takes a library's own handlers away: its records then reach the root's."""
    logger.handlers = [item for item in logger.handlers if not isinstance(item, logging.StreamHandler)]
    logger.propagate = True
