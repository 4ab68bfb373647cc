"""What a choice says beyond its rule: edges, gains after rounding, and what its noise means for earlier stages."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from sweeper.candidates import Candidate, Noise
from sweeper.choosing import edge
from sweeper.comparison import Choice
from sweeper.procedure import Stage
from sweeper.settled import Settled

_MOVES_GAIN = {"lora.use_rslora", "lora.gain", "lora.alpha_law"}


def annotated(choice: Choice, stage: Stage, candidates: Sequence[Candidate], noise: Noise, settled: Settled) -> Choice:
    """Adds to a choice's reason and numbers.

    Args:
        choice: The rule's.
        stage: The stage.
        candidates: What it ran.
        noise: Of its comparison.
        settled: What was known when it began.
    """
    if not choice.winners:
        return choice
    edges = list(_edges(choice.winners[0], stage, candidates, settled))
    gains = {item.label: item.runs[0].gain for item in candidates} if _MOVES_GAIN & set(stage.vary) else {}
    told = [*edges, *_gains(gains), *_doubts(noise, settled)]
    numbers = {**choice.numbers, **({"edge": edges} if edges else {}), **({"realised_gain": gains} if gains else {})}
    return dataclasses.replace(choice, reason="; ".join([choice.reason, *told]), numbers=numbers)


def _edges(winner: Candidate, stage: Stage, candidates: Sequence[Candidate], settled: Settled) -> Iterator[str]:
    """Says where the winner lies on the edge of what was swept, here or before: the best may lie beyond."""
    earlier = [item for outcome in settled.outcomes.values() for item in outcome.candidates]
    for key in stage.vary:
        swept = [item.params[key] for item in (*candidates, *earlier) if key in item.params]
        if key in winner.params and (note := edge(swept, winner.params[key])) is not None:
            yield f"{key}: {note}"


def _gains(gains: dict[str, float | None]) -> Iterator[str]:
    """Says what gains alpha's rounding left: at one rank they are all that tells rsLoRA from plain LoRA."""
    known = [gain for gain in gains.values() if gain is not None]
    if known:
        yield f"gains after rounding alpha: {', '.join(f'{gain:.4g}' for gain in known)}"


def _doubts(noise: Noise, settled: Settled) -> Iterator[str]:
    """Says which earlier choices a noise that was measured calls into doubt."""
    for name, outcome in settled.outcomes.items():
        winner = outcome.winner
        if noise.is_assumed or winner is None or outcome.noise is None or not outcome.noise.is_assumed:
            continue
        near = [
            item.label for item in outcome.candidates if item.params != winner.params and _near(item, winner, noise)
        ]
        if near:
            yield f"by this noise stage {name} could not tell {winner.label} from {'; '.join(near)}"


def _near(item: Candidate, winner: Candidate, noise: Noise) -> bool:
    return item.value is not None and winner.value is not None and abs(item.value - winner.value) <= noise.size
