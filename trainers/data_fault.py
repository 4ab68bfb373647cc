"""What is wrong with data as a whole, in the parts that a message about a configuration has."""

from __future__ import annotations

from trainers.seam import TrialFailed


class DataFault(TrialFailed):
    """Data that cannot be trained on: the setting that is at fault, the rule it breaks, and what would mend it."""

    def __init__(self, key: str, rule: str, remedy: str) -> None:
        self.key, self.rule, self.remedy = key, rule, remedy
        super().__init__(f"{key}: {rule}; try: {remedy}")
