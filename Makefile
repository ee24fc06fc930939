# The commands of this repository. `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
UV_INSTALL = $(UV) pip install --quiet --compile-bytecode --require-hashes
PACKAGES := scripts/ensure-packages
DATA := ../shared/data

.PHONY: help setup setup-router setup-backend setup-airflow demo run year test test-all test-router test-e2e \
	test-browser test-backend test-dags cov check fmt fmt-check lint types floors storm bench ha faults baselines \
	latency screenshots cards golden dashboards grafana-schema stack-test acceptance compose-test migration lock \
	clean

help: ## list the commands
	@grep -hE '^[a-z][a-z0-9-]*:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# Set-up: an environment a room, because Airflow and Evidently cap what the router needs newer.
# The router's has two stages: what it runs on, and beside that what its tests and checks need.

.venv/.run: requirements/router-run.lock requirements/demo.lock pyproject.toml
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(PACKAGES) no-ensurepip=python3-venv
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(UV) || $(BIN)/pip install --quiet uv
	@$(UV_INSTALL) --python $(BIN)/python -r requirements/router-run.lock -r requirements/demo.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

.venv/.ready: requirements/router.lock .venv/.run
	@$(UV_INSTALL) --python $(BIN)/python -r requirements/router.lock
	@touch $@

.venv-backend/.ready: requirements/backend.lock | .venv/.run
	@test -x .venv-backend/bin/python || $(PYTHON) -m venv .venv-backend
	@$(UV_INSTALL) --python .venv-backend/bin/python -r requirements/backend.lock
	@touch $@

.venv-airflow/.ready: requirements/airflow.lock | .venv/.run
	@test -x .venv-airflow/bin/python || $(PYTHON) -m venv .venv-airflow
	@$(UV_INSTALL) --python .venv-airflow/bin/python -r requirements/airflow.lock
	@touch $@

.PHONY: prometheus browser postgresql faketime
prometheus:
	@$(PACKAGES) prometheus=prometheus prometheus-alertmanager=prometheus-alertmanager

browser:
	@$(PACKAGES) chromium=chromium /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf=fonts-noto-color-emoji \
		/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf=fonts-noto-core

postgresql:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || $(PACKAGES) no-initdb=postgresql

faketime:
	@ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 || $(PACKAGES) no-faketime=libfaketime

setup: setup-router setup-backend setup-airflow ## build every environment of this repository

setup-router: .venv/.ready ## the router's environment, with what its tests and checks need

setup-backend: .venv-backend/.ready ## the model service's environment

setup-airflow: .venv-airflow/.ready ## the DAGs' environment

# What people start.

demo: .venv/.run .venv-backend/.ready ## the whole pipeline, from a model that breaks to a green card; STAY=1 stays up
	@$(PACKAGES) prometheus=prometheus prometheus-alertmanager=prometheus-alertmanager || true
	@$(BIN)/python -m testbed.demo

run: .venv/.run ## the router alone on :8010, SQLite, cards on /preview
	@$(BIN)/alert-router serve

year: .venv/.ready .venv-backend/.ready ## a year of the city's counts through the whole pipeline; YEAR="--model hgb" for the other
	@$(BIN)/python -m testbed.year $(YEAR)
	@$(BIN)/python -m testbed.year.plot

# Checks.

check: fmt-check lint types floors ## format, lint, types and floors

fmt: .venv/.ready ## format the code and mend what can be mended
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

fmt-check: .venv/.ready
	@$(BIN)/ruff format --check --quiet .

lint: .venv/.ready
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff check --quiet --select AIR3 dags

types: setup
	@$(BIN)/mypy alert_router monitoring migrations/env.py testbed tests \
		--exclude tests/dags --exclude testbed/fakes/paris --exclude testbed/pipeline --exclude testbed/year/generated.py
	@$(BIN)/mypy --python-executable .venv-backend/bin/python backend testbed/year/generated.py
	@$(BIN)/mypy --python-executable .venv-airflow/bin/python dags tests/dags testbed/fakes/paris testbed/pipeline

floors: .venv/.ready
	@$(BIN)/lint-imports >/dev/null || $(BIN)/lint-imports
	@! grep -nE 'https?://' requirements/*.lock

# Tests. JOBS: pytest processes of the router's tests; a file stays in one process, which starts its servers once.

JOBS ?= 2
ROUTER_TESTS = tests --ignore=tests/dags --ignore=tests/browser --ignore=tests/e2e
IN_PARALLEL = -n $(JOBS) --dist loadfile
# The rooms' tests run beside each other: those of end to end wait for processes most of the time.
ROOM_TESTS = test-router test-e2e test-backend test-dags test-browser
ROOMS_AT_ONCE ?= 3

test: setup check prometheus postgresql faketime browser ## install what the tests need and run them all
	@$(MAKE) --no-print-directory --keep-going --jobs $(ROOMS_AT_ONCE) --output-sync=target $(ROOM_TESTS)

test-all: ## the same, with every test that has a database on SQLite and on PostgreSQL
	@$(MAKE) --no-print-directory test TEST_OPTIONS=--all-databases

test-router: .venv/.ready prometheus postgresql ## router, monitoring, exporter; T=path for one
	@$(BIN)/pytest $(TEST_OPTIONS) $(if $(T),$(T),$(IN_PARALLEL) $(ROUTER_TESTS))

test-e2e: .venv/.ready .venv-backend/.ready prometheus postgresql faketime ## real Prometheus, Alertmanager and router processes; T=path for one
	@$(BIN)/pytest $(TEST_OPTIONS) $(or $(T),$(IN_PARALLEL) tests/e2e)

stack-test: .venv/.ready .venv-backend/.ready prometheus ## every dashboard panel on a real Prometheus after the demo's story; docs/DASHBOARDS.md
	@$(BIN)/pytest -q tests/e2e/test_stack.py

acceptance: setup prometheus ## the plan's six testing commands on the real parts, without containers
	@$(BIN)/pytest -q -s tests/e2e/test_acceptance.py

compose-test: .venv/.ready ## docker-compose.yaml on a Docker engine of its own, from images to a card; root on Debian
	@scripts/compose-test

test-browser: .venv/.ready browser ## the pages in a real Chromium (apart: its driver keeps an event loop running)
	@$(BIN)/pytest $(or $(T),tests/browser)

cov: .venv/.ready prometheus postgresql ## branch coverage of alert_router by unit and component tests
	@$(BIN)/pytest $(IN_PARALLEL) --cov --cov-report=term:skip-covered tests/unit tests/component

test-backend: .venv-backend/.ready prometheus ## the model service
	@.venv-backend/bin/python -m pytest $(or $(T),backend)

test-dags: setup ## the DAGs, on a real Airflow
	@.venv-airflow/bin/python -m pytest $(or $(T),-n 2 --dist loadfile --no-loadscope-reorder tests/dags)

# Measurements: printed, never asserted.

storm: .venv/.ready prometheus ## 1,000 alerts in ten seconds, and how they are notified; MINUTES=4 also Alertmanager's own receiver
	@$(BIN)/python -m testbed.storm --beside $(or $(MINUTES),0)

bench: .venv/.ready ## how many alerts a second are taken in and kept, beside prototypes
	@$(BIN)/python -m testbed.bench.intake

ha: .venv/.ready prometheus postgresql ## two routers and two Alertmanagers, one of each killed ROUNDS=20 times; SEED=n for other moments
	@HA_ROUNDS=$(or $(ROUNDS),20) HA_SEED=$(or $(SEED),7) $(BIN)/pytest -q -s tests/e2e/test_two_routers.py

# Now and then.

faults: .venv/.ready postgresql faketime ## the fault campaign, 2,000 incidents; SEED=7 DATABASE=postgres
	@$(BIN)/python -m testbed.faults --seed $(or $(SEED),1) --database $(or $(DATABASE),sqlite)

baselines: .venv-backend/.ready ## the models against three baselines on the city's counts; docs/MODEL.md
	@.venv-backend/bin/python -m backend.regmodel.benchmarks.baselines $(DATA)

latency: .venv-backend/.ready ## how long /predict takes for 5,000 rows; docs/MODEL.md
	@.venv-backend/bin/python -m backend.regmodel.benchmarks.latency $(DATA)

screenshots: .venv/.ready browser ## take the pictures of the README anew
	@$(BIN)/python -m testbed.screenshots

cards: .venv/.ready browser ## take the pictures of docs/CARDS.md anew
	@$(BIN)/python -m testbed.cards

golden: .venv/.ready ## write the golden messages anew; then read the diff
	@UPDATE_GOLDEN=1 $(BIN)/pytest -q tests/unit/test_cards.py -k golden

dashboards: .venv/.ready ## write Grafana's dashboards anew, from monitoring/dashboards
	@$(BIN)/python -m monitoring.dashboards

grafana-schema: ## make the dashboards' JSON Schema anew, from npm @grafana/schema; needs npm
	@cd tests/component/grafana && npm install --silent --no-package-lock && npm run --silent schema && rm -rf node_modules

migration: .venv/.ready ## M="add x" N=0002: the migration to the tables as they are now
	@$(BIN)/python scripts/new-migration "$(N)" "$(M)" && $(BIN)/ruff format migrations

COMPILE = $(UV) pip compile -q --generate-hashes --universal --python-version 3.11 --no-header

lock: .venv/.run ## resolve the requirements anew, with hashes; LOCK=--upgrade takes newer versions
	@$(COMPILE) $(LOCK) pyproject.toml --extra charts -o requirements/router-run.lock
	@$(COMPILE) $(LOCK) -c requirements/router-run.lock pyproject.toml --extra charts --group dev -o requirements/router.lock
	@$(COMPILE) -c requirements/router.lock requirements/demo.in -o requirements/demo.lock
	@for room in exporter-run airflow-run airflow backend-run backend; do $(COMPILE) $(LOCK) requirements/$$room.in -o requirements/$$room.lock; done

clean: ## remove what the commands made
	@rm -rf .venv .venv-backend .venv-airflow .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* var
