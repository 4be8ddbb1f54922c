# What there is to do here. All of it needs Python >= 3.10 and make; the rest is installed into VENV.

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
# that tests run in; most of them wait for other processes
PROCESSES ?= 3

PIP = $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check
.PHONY: help up test lint bench
.DEFAULT_GOAL := help

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  make %-7s %s\n", $$1, $$2 }'

up: $(VENV)/installed ## run everything in this terminal; ARGS="--port 9000"
	@$(VENV)/bin/dispatch up $(ARGS)

test: $(VENV)/installed-test ## run all tests; ARGS="-k cron -x"
	$(VENV)/bin/python -m pytest -n $(PROCESSES) --dist loadfile $(ARGS)

lint: $(VENV)/installed-lint ## check style, types and who imports whom
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

bench: $(VENV)/installed-test ## measure; ARGS="--only dispatch --json"
	$(VENV)/bin/python -m tests.bench $(ARGS)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo 'Python 3.10 or newer is needed: make PYTHON=/path/to/python3.12 ...' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# one stamp for each set of dependencies; a changed setup.cfg installs again
$(VENV)/installed: $(VENV)/bin/python setup.cfg
	$(PIP) --editable .
	@touch $@

$(VENV)/installed-%: $(VENV)/bin/python setup.cfg
	$(PIP) --editable '.[$*]'
	@touch $@
