# Each target makes .venv from pinned constraints when it is missing or out of date.
# Needs Python 3.11 to 3.13, make and git, nothing else.

VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
PYTEST_ARGS ?= --numprocesses 2 --dist worksteal

.PHONY: demo test lint bench bench-monitor clean

demo: $(VENV)/installed
	$(BIN)/pgfold demo

test: lint
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(VENV)/installed-dev
	$(BIN)/ruff check
	$(BIN)/mypy

bench: $(VENV)/installed-dev
	$(BIN)/python -m bench

bench-monitor: $(VENV)/installed-dev
	$(BIN)/python -m bench.monitor

clean:
	rm -rf $(VENV) build .mypy_cache .pytest_cache .ruff_cache

$(VENV)/installed: pyproject.toml constraints.txt | $(BIN)/pip
	$(INSTALL) --editable .
	@touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt | $(BIN)/pip
	$(INSTALL) --editable '.[dev]'
	@touch $(VENV)/installed $@

# The first interpreter that runs, is of a supported version and can make a virtual environment.
$(BIN)/pip:
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	  if $$python -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; \
	  then echo "$(VENV): made with $$($$python --version)"; exec $$python -m venv --clear $(VENV); fi; \
	done; \
	echo "No Python 3.11, 3.12 or 3.13 with the venv module was found. Install one, or name it: make PYTHON=/path/to/python3.12" >&2; \
	exit 1
