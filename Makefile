# Two commands do everything: `make nightly` runs one whole night, `make test` runs the tests. `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# Which market, session (YYYY-MM-DD, default: the latest that has closed) and folder of files a night works on.
MARKET ?= sample
DAY ?=
DATA ?=
export MARKET DAY DATA
# The one state folder.
export FILLWISE_HOME ?= $(CURDIR)/.fillwise
# DATA is relative to where make was called from, which is not the checkout under `make -C`.
export CALLED_FROM := $(PWD)

BIN := .venv/bin
CODE := infra features models pipelines dags tests benchmarks
LOCK_OPTIONS ?=

.PHONY: help setup nightly test test-faults check bench up status lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo '  variables: MARKET=sample|ashare  DAY=YYYY-MM-DD  DATA=folder  FILLWISE_HOME=folder  PYTHON=interpreter'

setup: .venv/.ready ## install what is missing: Python packages, Java, two jars (the other targets do this too)

.venv/.ready: requirements.lock pyproject.toml infra/deploy/setup.sh infra/deploy/jars.txt
	@infra/deploy/setup.sh
	@touch $@

nightly: setup ## run one whole night through Airflow, then say what happened and where to look
	@arguments=(--market "$$MARKET"); \
	if [ -n "$$DAY" ]; then arguments+=(--day "$$DAY"); fi; \
	if [ -n "$$DATA" ]; then arguments+=(--data "$$(cd "$$CALLED_FROM" && realpath -m -- "$$DATA")"); fi; \
	unset MARKET DAY DATA; exec $(BIN)/fillwise nightly "$${arguments[@]}"

up: setup ## start Airflow, MLflow and the pages together; Ctrl-C stops them
	@exec $(BIN)/fillwise up

status: setup ## say on one screen what state the system is in
	@$(BIN)/fillwise status

test: setup ## run the tests
	@infra/deploy/setup.sh tests
	@$(BIN)/python -m pytest $(TESTS)

test-faults: setup ## run the tests of kills and disks with full counts (30 kills; minutes, not part of CI)
	@infra/deploy/setup.sh tests
	@FAULT_TRIES=30 $(BIN)/python -m pytest -s tests/test_process_faults.py tests/test_faults.py tests/infra/test_lake_log.py \
		tests/infra/test_ledger_faults.py tests/test_rollback_kill.py

check: setup ## lint, format, types, import layers (no tests)
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports

bench: setup ## measure speed, each figure beside a peer or a floor
	@$(BIN)/python -m benchmarks

lock: setup ## resolve the packages again into requirements.lock (LOCK_OPTIONS=--upgrade takes newer ones)
	@$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
		--override infra/deploy/overrides.txt --output-file requirements.lock --quiet $(LOCK_OPTIONS)

clean: ## remove what set-up and the tools made; the state folder stays
	@rm -rf .venv .jars build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
