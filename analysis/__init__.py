"""Reads what was recorded and says what it means: pandas over MLflow's records, no torch, Hydra or Optuna."""
