"""What MLflow keeps of a test beside its values: the rows, and the confusion matrix as far as a tag has room."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sweeper.mlflow_limits import LONGEST_TAG

_FACTS = ("rows", "shared", "left_out", "cut_off", "data.test", "seconds")


def text(record: Mapping[str, Any]) -> str:
    """Returns a record `tested` as the tag that `analysis.on_test` reads."""
    facts = {key: record["facts"][key] for key in _FACTS if key in record["facts"]}
    told = {**{key: record[key] for key in ("step", "content", "source")}, **facts}
    whole = json.dumps({**told, "labels": record["labels"], "counts": record["counts"]})
    return whole if len(whole) <= LONGEST_TAG else json.dumps(told)
