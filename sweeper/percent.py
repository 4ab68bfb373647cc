"""Shares as findings say them."""

from __future__ import annotations


def percent(share: float) -> str:
    """Returns `8.9 %`; whole numbers from 100 % on, as in `142 %`."""
    return f"{share:.0%}".replace("%", " %") if share >= 1 else f"{share:.1%}".replace("%", " %")
