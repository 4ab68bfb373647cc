"""Whether the attention that is asked for is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import metadata

from sweeper.finding import Finding
from sweeper.scene import Scene

_KEY = "model.attn_implementation"

PLAIN = ("eager", "sdpa", "flex_attention")
"""What torch itself brings."""

FLASH = {"flash_attention_2": "flash-attn", "flash_attention_3": "flash-attn-3", "flash_attention_4": "flash-attn-4"}
"""What needs a package of its own, or `kernels`, with which transformers fetches it from the hub."""

_FROM_HUB = re.compile(r"[\w.-]+/[\w.-]+(@[\w.-]+)?(:\w+)?")
"""A kernel of the hub (`transformers.integrations.hub_kernels`)."""


def check(scene: Scene) -> Iterator[Finding]:
    """Finds names that transformers does not know, and packages and devices that are missing."""
    asked = scene.config.model.attn_implementation
    if asked is None or asked in PLAIN:
        return
    from_hub = _FROM_HUB.fullmatch(asked) is not None
    if asked not in FLASH and not from_hub:
        rule = f"transformers knows {', '.join((*PLAIN, *FLASH))}, and kernels of the hub, as OWNER/NAME"
        yield _error(asked, "no such attention", rule, f"{_KEY}=sdpa")
    elif not is_installed("kernels") and (from_hub or not is_installed(FLASH[asked])):
        package = "kernels" if from_hub else FLASH[asked]
        remedy = f"{_KEY}=sdpa, or pip install {package}"
        yield _error(asked, f"{package} is not installed", "needs a package that torch does not bring", remedy)
    elif asked in FLASH and scene.hardware.kind == "cpu" and not is_installed("kernels"):
        yield _error(asked, f"on {scene.hardware.name}", f"{FLASH[asked]} runs on NVIDIA GPUs alone", f"{_KEY}=sdpa")


def is_installed(package: str) -> bool:
    """True where a distribution of this name is there; importing it would bring torch along."""
    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def _error(asked: str, number: str, rule: str, remedy: str) -> Finding:
    return Finding("error", _KEY, asked, number, rule, "transformers 5.23", remedy)
