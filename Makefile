# Every target makes .venv and installs what it needs by itself; nothing is installed outside it.
#   make demo       train, write Verilog, prove the bits, report: everything in build/demo
#   make test       lint and every test             make lint    linter, formatter, type checker
#   make test-fast  the tests without a compiler    make soak    10,000 random networks
#   make boards     real bitstreams for boards, in build/boards; BOARDS="icebreaker" chooses
#   make docs       the pages and the reference of modules as a site, in build/docs
#   make resources  the cells of every component, in docs/resources.md
#   make bench      the benchmarks                  make clean   remove what the targets made
#   make distclean  remove .venv too
# PYTHON=/path/to/python3 chooses the interpreter, JOBS=4 the number of parallel tests.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL:

VENV := .venv
BIN := $(VENV)/bin
JOBS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)
SOAK ?= 10000

# The first Python in PATH that the package supports.
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null \
	&& echo $$name && break; done)

DEMO := build/demo
COMPILED := pyproject.toml setup.py $(wildcard sw/kernels/cpp/*)

BOARDS ?= ulx3s-12f colorlight-5a75b icebreaker tang-nano-9k ulx3s-85f

.PHONY: demo test test-fast lint soak boards docs resources bench clean distclean install tools

demo: tools $(VENV)/.installed
	@rm -rf $(DEMO)
	$(BIN)/tenzo train digits --out $(DEMO)/run
	$(BIN)/tenzo verilog $(DEMO)/run --out $(DEMO)/verilog
	$(BIN)/tenzo cosim $(DEMO)/run --steps 3
	$(BIN)/tenzo report $(DEMO)/run

test: lint tools
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

test-fast: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m "not slow" -n $(JOBS)

lint: $(VENV)/.installed-dev .types/.linked
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	cd .types && ../$(BIN)/mypy --config-file ../pyproject.toml -p tenzo -p tests

soak: $(VENV)/.installed-dev tools
	TENZO_SOAK=$(SOAK) $(BIN)/python -m pytest tests/sim/test_random_networks.py tests/sw/kernels/test_random_networks.py

boards: $(VENV)/.installed-boards
	@for board in $(BOARDS); do \
		$(BIN)/tenzo build digits --board $$board --out build/boards/digits-$$board; \
	done

# A broken link, a page that no other names, a docstring that cannot be read: each is an error.
docs: $(VENV)/.installed-docs
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going -b html docs build/docs
	@echo "open build/docs/index.html"

resources: $(VENV)/.installed-dev
	$(BIN)/python -m tenzo.sim.resources docs/resources.md

bench: $(VENV)/.installed
	$(BIN)/tenzo bench

install: $(VENV)/.installed

# One sentence for each missing system tool, before anything slow starts.
tools:
	@command -v $${CXX:-g++} >/dev/null || { echo "make: g++ is not installed; install the package 'g++' (Debian, Ubuntu) or 'gcc-c++' (Fedora)." >&2; exit 1; }
	@command -v perl >/dev/null || { echo "make: perl is not installed; install the package 'perl'." >&2; exit 1; }

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "make: no Python from 3.11 to 3.14 is in PATH; install the package 'python3', or name one with PYTHON=/path/to/python3." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || { echo "make: $(PYTHON) is not Python 3.11 to 3.14; name one with PYTHON=/path/to/python3." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "make: $(PYTHON) has no venv module; install the package 'python3-venv'." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Installing compiles the kernels.
$(VENV)/.installed: $(COMPILED) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-dev: $(COMPILED) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(VENV)/.installed $@

$(VENV)/.installed-boards: $(COMPILED) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[boards]'
	@touch $(VENV)/.installed $@

$(VENV)/.installed-docs: $(COMPILED) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@touch $(VENV)/.installed $@

# Type checkers do not follow setuptools' package-dir; they follow links.
.types/.linked: Makefile
	@mkdir -p .types/tenzo
	@for name in hw sw sim boards; do ln -sfn ../../$$name .types/tenzo/$$name; done
	@for name in __init__.py py.typed; do ln -sfn ../../tenzo/$$name .types/tenzo/$$name; done
	@ln -sfn ../tests .types/tests
	@touch $@

clean:
	rm -rf build dist docs/api .types .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
	find hw sw sim boards tenzo tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV) sw/kernels/_native*
