# The commands of this repository. `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
UV_INSTALL = $(UV) pip install --quiet --compile-bytecode --require-hashes

.PHONY: help setup check fmt fmt-check lint types floors test lock run

help: ## list the commands
	@grep -hE '^[a-z][a-z0-9-]*:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# --- set-up: one environment a room, because Airflow and evidently cap what the router needs newer

.venv/.ready: requirements/router.lock pyproject.toml scripts/ensure-packages
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || scripts/ensure-packages no-such-command=python3-venv
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet uv
	@$(UV_INSTALL) --python $(BIN)/python -r requirements/router.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

.venv-backend/.ready: requirements/backend.lock .venv/.ready
	@test -x .venv-backend/bin/python || $(PYTHON) -m venv .venv-backend
	@$(UV_INSTALL) --python .venv-backend/bin/python -r requirements/backend.lock
	@touch $@

setup: .venv/.ready .venv-backend/.ready ## build every environment this repository uses

# --- checks

check: fmt-check lint types floors ## format, lint, types and floors

fmt: .venv/.ready ## format the code and mend what can be mended
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

fmt-check: .venv/.ready
	@$(BIN)/ruff format --check .

lint: .venv/.ready
	@$(BIN)/ruff check .

types: .venv/.ready
	@$(BIN)/mypy alert_router tests

floors: .venv/.ready
	@$(BIN)/lint-imports

test: setup check ## install what the tests need and run them all
	@$(BIN)/pytest $(T)

lock: .venv/.ready ## resolve the requirements anew, with hashes
	@$(UV) pip compile -q pyproject.toml --group dev --generate-hashes --universal --python-version 3.11 --no-header -o requirements/router.lock
