# Everything a new user or developer does; `make help` lists it.
# The distribution's Python where it is complete: one compiled without its optimisations, as pyenv does, needs a fifth more
PYTHON ?= $(shell /usr/bin/python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
  && echo /usr/bin/python3 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
APT := DEBIAN_FRONTEND=noninteractive apt-get -qq -y
WORKERS ?= $(shell expr $$(nproc) \* 2 + 2)
# Tests make hundreds of stores and databases: in memory, where there is room, that takes a third less time
SCRATCH := $(shell [ -w /dev/shm ] && [ $$(df -k /dev/shm | awk 'END {print $$4}') -gt 8000000 ] && \
  [ $$(awk '/^MemAvailable/ {print $$2}' /proc/meminfo) -gt 8000000 ] && echo PYTEST_DEBUG_TEMPROOT=/dev/shm)

# Where it is set, every process would compile all modules again: nodes start in half the time without it
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run demo demo-lifecycle viewer test test-long bench check clean dcmtk

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

run: $(VENV)/.run ## set up what is needed and run the node in the foreground
	@exec $(BIN)/vna serve

demo: $(VENV)/.test ## make a sample collection and run a node loaded with it; Ctrl-C stops it
	@exec $(BIN)/python -m sample_data.demo

demo-lifecycle: $(VENV)/.test ## the life of studies from arrival to destruction, each claim checked
	@exec $(BIN)/python -m sample_data.lifecycle_demo

viewer: $(VENV)/.run ## get the web viewer from npm; nodes started after that serve it at /viewer/
	@$(BIN)/vna viewer install

test: $(VENV)/.test dcmtk check ## set up and run every check and test, but the long ones
	$(SCRATCH) $(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not long and not bench"

test-long: $(VENV)/.test dcmtk ## run the tests that take minutes
	$(BIN)/pytest -m "long and not bench" --timeout 3600

check: $(VENV)/.test ## run the linters and the type checker
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.test ## measure, side by side with Orthanc where it is installed
	$(BIN)/python -m conformance bench

clean: ## remove what was made here, but no data
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

dcmtk: ## install DCMTK and zstd for the tests, where apt may
	@if [ -x /usr/bin/storescu ] && command -v zstd >/dev/null; then :; \
	elif ! command -v apt-get >/dev/null; then echo "No apt-get here: install DCMTK and zstd for the tests that need them."; \
	elif [ "$$(id -u)" = 0 ]; then $(APT) update; $(APT) install dcmtk zstd || echo "DCMTK could not be installed."; \
	elif sudo -n true 2>/dev/null; then sudo $(APT) update; sudo $(APT) install dcmtk zstd || echo "DCMTK could not be installed."; \
	else echo "DCMTK or zstd is missing; as root: apt-get install dcmtk zstd"; fi

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is needed; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || echo missing)." >&2; \
	  echo "Name another one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  if [ "$$(id -u)" = 0 ]; then $(APT) update; $(APT) install python3-venv; \
	  elif sudo -n true 2>/dev/null; then sudo $(APT) update; sudo $(APT) install python3-venv; fi; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "Python's venv module is missing; as root: apt-get install python3-venv" >&2; exit 1; }
	@echo "Making $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python pyproject.toml .requirements.lock
	@echo "Installing what the node needs ..."
	@$(PIP) install -r .requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.test: $(VENV)/.run tests/requirements.txt
	@echo "Installing what the tests need ..."
	@$(PIP) install -r tests/requirements.txt
	@touch $@
