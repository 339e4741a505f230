# What people run. Each target sets up what it needs; nothing else has to be installed by hand.
#
#   make demo            a campaign to 20,000 people through real parts, on this machine (N=100000 for more)
#   make test            all tests

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON := $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
N ?= 20000
TIMES ?= 20
# Two processes: most tests wait. How they are parted stands in tests/conftest.py.
BESIDE := -n 2 --dist loadscope --no-loadscope-reorder

.PHONY: help setup demo up down test check properties browser chaos bench bench-api bench-capacity clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: $(READY) ## make the virtual environment (done by every other target)

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Fanfare needs Python 3.11 or newer: install it and try again." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) has no venv module: install it (Debian: apt install python3-venv)." >&2; exit 1; }
	@echo "Installing what Fanfare needs (some minutes the first time) ..."
	@$(BIN)/python -m pip install --progress-bar on --disable-pip-version-check --require-hashes -r requirements.lock \
		|| { echo "The packages could not be fetched: is there a connection to a Python package index?" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY) ## a campaign from contacts to the sink, live (N people)
	@$(BIN)/fanfare demo --n $(N)

up: $(READY) ## start everything and keep it running
	@$(BIN)/fanfare up

down: $(READY) ## stop what `make demo` or `make up` started
	@$(BIN)/fanfare down

browser: ## get headless Chromium for the page test, where that is possible
	@command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
			echo "Installing Chromium for the page test ..."; \
			{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; } >/dev/null 2>&1 \
				|| echo "Chromium could not be installed: the page test will be skipped."; \
		else echo "No Chromium here: the page test will be skipped."; fi; }

test: $(READY) browser ## all tests
	@$(BIN)/python -m pytest $(BESIDE)

check: $(READY) browser ## what has to pass before a change lands: format, lint, types, tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest $(BESIDE)

properties: $(READY) ## the tests with examples, with other ones and TIMES as many (20; an hour)
	@EXAMPLES_TIMES=$(TIMES) $(BIN)/python -m pytest -m "hypothesis and not integration" $(BESIDE)

chaos: $(READY) ## kill everything in turn, judge by the sink's own record
	@$(BIN)/python -m tests.chaos

bench: $(READY) ## measure each stage and the whole road
	@$(BIN)/fanfare bench

bench-api: $(READY) ## measure the API: orders, latency, edges, fairness, a million people, a million campaigns
	@$(BIN)/python -m benchmarks.api

bench-capacity: $(READY) ## three providers at 1,000/s, 100 campaigns, every limit on, a million waiting (15 minutes)
	@$(BIN)/python -m benchmarks.capacity

clean: ## remove the virtual environment and caches; state in var/ stays
	@rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
