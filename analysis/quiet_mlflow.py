"""What MLflow reads from the environment when it is imported, where the user has not said otherwise.

Its telemetry writes outside the working folder; its HTTP client would retry an unreachable server for minutes.
"""

from __future__ import annotations

import logging
import os

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # importing MLflow sets its logger's level
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # with the password that is in it
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")

logging.getLogger("alembic").setLevel(logging.WARNING)
