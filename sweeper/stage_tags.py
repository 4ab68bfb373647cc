"""What a procedure decided, as tags of its sweep's run."""

from __future__ import annotations

import json
from collections.abc import Mapping

from analysis.records import DECISION, NUMBERS, REUSED
from sweeper.decision_page import Decided
from sweeper.mlflow_limits import LONGEST_TAG

_TOLD = {"why", "numbers", "reused"}


def tags(decisions: Mapping[str, Decided]) -> dict[str, str]:
    """Returns the tags: each stage's reason, its numbers as far as a tag has room for them, and what was reused.

    Args:
        decisions: By stage, in order.
    """
    found = {f"{DECISION}{stage}": decided.reason[:LONGEST_TAG] for stage, decided in decisions.items()}
    for order, (stage, decided) in enumerate(decisions.items()):
        told = {"why": decided.why, **decided.recorded}
        text = json.dumps({"order": order, **{key: item for key, item in told.items() if key in _TOLD and item}})
        found |= {f"{NUMBERS}{stage}": text} if len(text) <= LONGEST_TAG else {}
    reused = [decided.recorded["reused"] for decided in decisions.values() if "reused" in decided.recorded]
    if reused:  # old logs do not say
        found[REUSED] = json.dumps({key: sum(item[key] for item in reused) for key in ("trials", "steps")})
    return found
