# Everything a developer types.  A bare machine needs Python 3.11 or later with venv, git and make.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed

INTEROP = pjsua2-python==2.15.1.post1 ; python_version < "3.13" and platform_machine == "x86_64"
UV = build/lock/bin/uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint diagrams lock clean

help:
	@echo "make setup   a virtual environment in $(VENV) with $(BIN)/siphotspot in it"
	@echo "make demo    a hotspot, its clients and an account server on loopback: calls of all kinds, kill -9, the switch off"
	@echo "make test    all tests"
	@echo "make lint    style, types and the direction of imports"
	@echo "make diagrams  the pages of docs/machines anew from the tables of the machines"
	@echo "make lock    write requirements*.lock anew from pyproject.toml; LOCK=--upgrade takes newer versions"

setup: $(STAMP)

# Only what the lock names, with the hash that it names, and then ourselves without asking anybody.
# The lock is complete, so nothing is resolved: the pip of Debian 12 does not find coverage[toml] in it.
$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: setup
	$(BIN)/siphotspot demo

test: setup
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache

diagrams: setup
	$(BIN)/python docs/machines/generate.py

# One lock for every Python and platform: the resolver writes a marker where they differ.
lock:
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(UV) $(LOCK) --extra dev --output-file requirements.lock pyproject.toml
	echo '$(INTEROP)' | $(UV) $(LOCK) --no-deps --output-file requirements-interop.lock -
	rm -r build/lock

clean:
	rm -rf $(VENV) build siphotspot.egg-info .mypy_cache .ruff_cache .hypothesis .coverage
