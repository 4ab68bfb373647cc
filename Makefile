# `make help` lists the targets.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: help install sweep test chaos lint ui bench bench-gpu clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed ## make .venv with the tested versions and this project in it

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "lora-sweeper needs Python 3.11 or newer; try: make install PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

sweep: install ## the main job: nine trials (rank x learning rate) on the bundled model and data, and their leaderboard
	$(BIN)/lora-sweep -m sweep.name=first lora.r=4,8,16 training.learning_rate=2e-3,4e-3,8e-3

test: install ## pass the tests
	$(BIN)/python -m pytest -n 3 --dist worksteal

chaos: install ## kill sweeps at random moments, 100 times replayed and 20 times training (a quarter of an hour)
	CHAOS_REPLAY_KILLS=100 CHAOS_TRAINING_KILLS=20 $(BIN)/python -m pytest tests/chaos -s

lint: install ## ruff and mypy (strict)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

ui: install ## browse the curves: MLflow on http://127.0.0.1:5000
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false $(BIN)/mlflow ui --workers 1 --host 127.0.0.1 --port 5000 --backend-store-uri sqlite:///mlflow.db

bench: install ## the README's figures, measured side by side
	$(BIN)/python -m benchmarks.driver
	$(BIN)/python -m benchmarks.tracking
	$(BIN)/python -m benchmarks.halving
	$(BIN)/python -m benchmarks.lr_rank
	$(BIN)/python -m benchmarks.diagnosis
	$(BIN)/python -m benchmarks.alarms
	$(BIN)/python -m benchmarks.first_sweep
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.packed

bench-gpu: ## packed trials on a GPU, with any PYTHON that has torch, transformers, peft, trl and bitsandbytes
	$(PYTHON) -m benchmarks.packed_gpu

clean: ## remove the environment and what sweeps wrote here
	rm -rf $(VENV) runs mlflow.db .pytest_cache .mypy_cache .ruff_cache
