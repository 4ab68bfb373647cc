"""Draws a report's pictures for made-up sweeps of every shape, to be looked at.

Run: python -m benchmarks.report_pictures FOLDER
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from analysis.evidence import Evidence
from analysis.figures.drawn import drawn, svg
from analysis.html_page import html
from benchmarks.made_up_sweeps import Made, evidence, grid, sampled

_SCHEDULERS = ("linear", "cosine")
_LRS = (5e-5, 1e-4, 2e-4, 4e-4)

SWEEPS: Mapping[str, Callable[[], Evidence]] = {
    "two_trials": lambda: evidence(grid(lora__r=(8, 16))),
    "grid_24": lambda: evidence(
        grid(training__learning_rate=_LRS, lora__r=(8, 16, 32), training__lr_scheduler_type=_SCHEDULERS)
    ),
    "seeds": lambda: evidence(grid(training__learning_rate=_LRS[:3], lora__r=(8, 32), training__seed=(0, 1, 2))),
    "sampled_300": lambda: evidence(sampled(300), Made(pruned=0.5, diverged=0.06)),
    "sampled_1000": lambda: evidence(sampled(1000), Made(pruned=0.3, diverged=0.02)),
    "long_names": lambda: evidence(
        grid(
            lora__r=(8, 16),
            data__name=(
                "customer_$support$_tickets_2024_with_a_very_long_name_that_goes_on <b>",
                "line\nbreak_and_émoji_🙂_data_set_of_another_long_name",
                "$x^2$",
            ),
        ),
        name="an_experiment_whose_name_<is>_$long$_and_goes_on_and_on_until_nobody_reads_it",
    ),
    "procedure": lambda: evidence(sampled(60), Made(stages=6, pruned=0.1)),
    "maximised": lambda: evidence(sampled(40), Made("eval_macro_f1", "maximize", diverged=0.05)),
}


def main() -> None:
    folder = Path(sys.argv[1])
    for name, make in SWEEPS.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        made, began = make(), time.perf_counter()
        pictures = {item: svg(item.figure) for item in drawn(made)}
        seconds = time.perf_counter() - began
        sizes = [f"{item.name} {len(content) / 1000:.0f} kB" for item, content in pictures.items()]
        for item, content in pictures.items():
            (folder / name / f"{item.name}.svg").write_bytes(content)
        lines = [f"# {name}", *(f"## {item.name}\n\n![{item.alt}](figures/{item.name}.svg)" for item in pictures)]
        named = {f"figures/{item.name}.svg": content for item, content in pictures.items()}
        (folder / name / "page.html").write_text(html("\n\n".join(lines), name, named))
        print(f"{name}: {seconds:.1f} s; {', '.join(sizes)}")


if __name__ == "__main__":
    main()
