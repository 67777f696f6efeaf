.DEFAULT_GOAL := help
.PHONY: help install install-dev run test test-all checks lint types bench bench-scale dashboard lock clean
SHELL := /bin/bash

PYTHON ?= python3
MODEL ?= configs/models/flight_delay.yaml
UV := uv==0.13.8
LIMIT_MB := 1600
# Everything that is kept lies in one folder; what a shell has set for another ZenML or MLflow does not reach it.
export STACKHOUSE_HOME ?= $(CURDIR)/.stackhouse
export ZENML_CONFIG_PATH := $(STACKHOUSE_HOME)/zenml
unexport ZENML_ACTIVE_STACK_ID ZENML_ACTIVE_PROJECT_ID MLFLOW_TRACKING_URI MLFLOW_REGISTRY_URI $(filter ZENML_STORE_%,$(.VARIABLES))
export ZENML_ANALYTICS_OPT_IN := false
export MLFLOW_DISABLE_TELEMETRY := true

help:  ## What there is
	@echo "Stackhouse: from tables in a lakehouse to a registered, validated model."
	@echo
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F '\t' '{printf "  make %-12s %s\n", $$1, $$2}'

install: .venv/installed  ## Create .venv from the lock (done by run)

run: install  ## The main job on real data: features, training, a registered model
	@.venv/bin/stackhouse run $(MODEL)

# What a run that is ended from outside has found by then is not lost in a buffer.
PYTEST := PYTHONUNBUFFERED=1 .venv/bin/pytest -n 2 --dist loadfile --no-loadscope-reorder --durations=60 --durations-min=10

test: checks  ## Lint, type check and the tests, except those that take minutes each
	@$(PYTEST) -m 'not slow'

test-all: checks  ## The same with every test, before a release; takes an hour
	@$(PYTEST)

checks: install-dev
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

lint: install-dev  ## Repair what ruff can repair
	@.venv/bin/ruff check --fix . ; .venv/bin/ruff format .

types: install-dev  ## Type check alone
	@.venv/bin/mypy

bench: install-dev  ## Benchmarks against hand-written code, as ratios
	@.venv/bin/python -m benchmarks

bench-scale: install-dev  ## 33.7 million flights through the pipeline, and every engine; takes many minutes
	@.venv/bin/python -m benchmarks scale

dashboard: install  ## Serve ZenML's dashboard and MLflow over what the runs wrote
	@.venv/bin/stackhouse dashboard

lock:  ## Resolve the dependencies anew
	@rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip install -q $(UV)
	@.venv-lock/bin/uv pip compile $(LOCK) pyproject.toml --extra local -o requirements.lock
	@.venv-lock/bin/uv pip compile $(LOCK) pyproject.toml --extra dev -c requirements.lock -o requirements-dev.lock
	@.venv-lock/bin/uv pip compile $(LOCK) pyproject.toml -c requirements.lock -o requirements-cluster.lock
	@rm -rf .venv-lock

clean:  ## Remove the environment and everything that runs have kept
	@rm -rf .venv $(STACKHOUSE_HOME)

# NCCL (470 MB) serves GPUs alone; on a machine that has one, `pip install nvidia-nccl-cu12` adds it.
LOCK := --quiet --universal --fork-strategy fewest --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-package nvidia-nccl-cu12

# The installer lives in a folder of its own and goes when it is done: the environment holds what the project needs.
define install_lock
	@$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info < (3, 13) or sys.exit("Python 3.11 or 3.12 is needed, $(PYTHON) is " + sys.version.split()[0] + ". Name one: make run PYTHON=python3.12")'
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@rm -rf .venv/installer && .venv/bin/pip install -q --disable-pip-version-check --target .venv/installer $(UV)
	@.venv/installer/bin/uv pip install -q --system-certs --python .venv/bin/python --no-deps --require-hashes --compile-bytecode -r $(1)
	@.venv/installer/bin/uv pip install -q --system-certs --python .venv/bin/python --no-deps --no-build-isolation -e .
	@rm -rf .venv/installer
endef

.venv/installed: requirements.lock pyproject.toml
	@echo "Creating the environment from requirements.lock …"
	$(call install_lock,requirements.lock)
	@test -e .venv/installed-dev || { size=$$(du -sk .venv | awk '{print int($$1 * 1024 / 1000000)}'); \
		echo "The environment takes $$size MB (limit $(LIMIT_MB))."; test $$size -lt $(LIMIT_MB); }
	@touch $@

install-dev: .venv/installed-dev
.venv/installed-dev: .venv/installed requirements-dev.lock
	@echo "Adding the tools for development …"
	$(call install_lock,requirements-dev.lock)
	@touch $@
