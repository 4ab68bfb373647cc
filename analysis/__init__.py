"""Reads what was recorded and says what it means: pandas over MLflow's records, no torch, Hydra or Optuna."""

from analysis import quiet_mlflow as quiet_mlflow  # before any module here imports MLflow
