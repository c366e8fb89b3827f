# Everything a newcomer, a developer and CI run. Each target is explained by `make help`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help

.PHONY: help install demo test test-transformers test-slow bundled check bench bench-transformers ui clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 22

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@

$(VENV)/.installed-transformers: $(VENV)/.installed-dev constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[transformers,onnx]"
	touch $@

install: $(VENV)/.installed ## install the package into .venv (linear models; no torch)

demo: install ## train on the shipped corpus, log the run, classify an article
	$(BIN)/research train --task attribution --dataset shipped --promote
	$(BIN)/research train --task primary --dataset shipped --promote
	$(BIN)/research classify docs/sample-article.txt --claim "Drones crossed the Calder border." --format table
	@echo "Look at the runs: $(BIN)/research ui   (prints the address)"

test: $(VENV)/.installed-dev ## install and run the fast tests
	$(BIN)/python -m pytest -q

test-transformers: $(VENV)/.installed-transformers ## install PyTorch too and run the tests that need it
	$(BIN)/python -m pytest -q -m transformers

test-slow: $(VENV)/.installed-transformers ## run all tests
	$(BIN)/python -m pytest -q --slow

bundled: install ## train the models that the package carries (needs RESEARCH_DATA)
	$(BIN)/research train --model bundled --dataset gold-and-shipped++attribution-silver --task attribution --save research/models/bundled/attribution
	$(BIN)/research train --model bundled --dataset gold-and-shipped --task primary --save research/models/bundled/primary
	$(BIN)/research train --model bundled --dataset stance-news --task stance --drop-leaks --save research/models/bundled/stance

check: $(VENV)/.installed-dev ## formatting, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/.installed-dev ## speed and memory, as ratios measured side by side
	$(BIN)/python tests/bench_speed.py
	$(BIN)/python tests/bench_import.py

bench-transformers: $(VENV)/.installed-transformers ## the same for transformers: inference and training
	$(BIN)/python tests/bench_transformers.py inference
	$(BIN)/python tests/bench_transformers.py training

ui: install ## open the MLflow UI on ./mlflow.db
	$(BIN)/research ui

clean: ## remove what the tools left (keeps runs and the environment)
	rm -rf build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
