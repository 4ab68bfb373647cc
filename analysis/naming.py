"""How a trial is called: `exp3_r24_a64_d10_linear_augmented`, as in document 003."""

from __future__ import annotations

from analysis.visible import on_one_line


def trial_name(number: int, *, r: int, alpha: float, dropout: float, scheduler: str, data: str) -> str:
    """Returns a trial's name.

    Args:
        number: The trial's number, from 1.
        r: Rank.
        alpha: Alpha, as trained with.
        dropout: Adapter dropout, from 0 to 1; it stands in the name in percent, as `d05` for 0.05.
        scheduler: `training.lr_scheduler_type`.
        data: `augmented` when the training rows were augmented, else `data.name`.
    """
    return f"exp{number}_r{r}_a{alpha:g}_d{_percent(dropout)}_{scheduler}_{on_one_line(data)}"


def _percent(share: float) -> str:
    percent = round(100 * share, 2)
    return f"{percent:02.0f}" if percent == round(percent) else f"{percent:g}"
