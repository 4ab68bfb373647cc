"""Decides which trials run, in what order, and when one stops."""

from analysis import quiet_mlflow as quiet_mlflow  # before any module here imports MLflow
