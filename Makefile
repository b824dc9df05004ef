# `make help` lists what there is.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
DEMO   := build/demo-venv
CONSTRAINTS ?= constraints.txt
PIP_INSTALL := pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS)

.DEFAULT_GOAL := help
.PHONY: help install demo lint pytest test slow gpu browser docs notebook wheel bench accuracy clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-8s %s\n", $$1, $$2}'

install: $(STAMP) ## the developers' environment: .venv with textrnn, editable, and all that the tests need

$(STAMP): pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/$(PIP_INSTALL) -e '.[dev]'
	@touch $@

demo: ## install textrnn in build/demo-venv, as a user would, and run `textrnn demo`
	$(PYTHON) -m venv $(DEMO)
	$(DEMO)/bin/$(PIP_INSTALL) .
	$(DEMO)/bin/textrnn demo

lint: install ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

pytest: install ## the tests that take seconds
	$(BIN)/python -m pytest -q -n auto --dist loadfile

test: lint pytest ## all that checks the code: ruff, mypy, pytest

slow: install ## the tests that take minutes
	$(BIN)/python -m pytest -q -m slow

gpu: install ## the tests that need a CUDA device
	$(BIN)/python -m pytest -q -m gpu

browser: install ## the tests that open our pages in Chromium, and keep pictures in build/browser
	$(BIN)/$(PIP_INSTALL) -e '.[browser]'
	$(BIN)/python -m pytest -q -m browser

wheel: install ## build the source distribution and the wheel into dist/, and check their metadata
	$(BIN)/$(PIP_INSTALL) -e '.[package]'
	rm -rf dist
	$(BIN)/python -m build --no-isolation
	$(BIN)/twine check --strict dist/*

docs: install ## the site of docs/, into build/site (to search in it: python3 -m http.server -d build/site)
	$(BIN)/$(PIP_INSTALL) -e '.[docs]'
	$(BIN)/python -m scripts.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

notebook: install ## run all cells of docs/course.ipynb, and store their outputs in it (a minute)
	$(BIN)/python -m scripts.docs.notebook

bench: install ## measure all, or ONLY=encoder, beside other tools, and write docs/explanation/benchmarks.md (about 40 minutes)
	-$(BIN)/$(PIP_INSTALL) -e '.[bench]'
	$(BIN)/python -m scripts.bench $(ONLY)

accuracy: install ## train all recipes, or ONLY=mr or small, beside linear models, and write docs/explanation/accuracy.md (hours)
	-$(BIN)/$(PIP_INSTALL) -e '.[bench]'
	$(BIN)/python -m scripts.accuracy $(ONLY)

clean: ## remove the virtual environments, caches, builds and runs
	rm -rf $(VENV) .venv-keras build .cache dist .textrnn_cache runs eval gradients .mypy_cache .pytest_cache .ruff_cache .hypothesis
