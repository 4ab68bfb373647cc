"""Turns trials into curves and adapters.

Nothing in here knows Hydra, Optuna or MLflow: a trainer receives commands and answers with events (`trainers.seam`).
"""
