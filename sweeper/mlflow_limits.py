"""How long MLflow lets a text be (mlflow/utils/validation.py)."""

from __future__ import annotations

LONGEST_TAG = 8000
"""Characters of a tag."""

LONGEST_PARAM = 6000
"""Characters of a parameter."""
