# `make help` lists what there is.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test lint slow gpu browser notebook bench accuracy clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-8s %s\n", $$1, $$2}'

install: $(STAMP) ## a virtual environment in .venv with textrnn in it

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: install ## train on the bundled sample, print the report, predict a few lines (under two minutes)
	$(BIN)/textrnn train --config configs/sample.yaml --run-dir runs/demo --force
	$(BIN)/textrnn eval runs/demo
	printf '%s\n' 'where is my parcel?' 'I do not want to complain, just send a new charger.' \
		'说实话，房间又小又暗，早餐也凉透了。' '到地铁站要走多久？' | $(BIN)/textrnn predict runs/demo

test: install ## all that checks the project: ruff, mypy, pytest
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -n auto --dist loadfile

slow: install ## the tests that take minutes
	$(BIN)/python -m pytest -q -m slow

gpu: install ## the tests that need a CUDA device
	$(BIN)/python -m pytest -q -m gpu

browser: install ## the tests that open report.html in Chromium, and keep pictures in build/browser
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[browser]'
	$(BIN)/python -m pytest -q -m browser

notebook: install ## run all cells of docs/course.ipynb, and store their outputs in it (a minute)
	$(BIN)/python -m scripts.docs.notebook

bench: install ## measure all, or ONLY=encoder, beside other tools, and write docs/benchmarks.md (about 40 minutes)
	-$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python -m scripts.bench $(ONLY)

accuracy: install ## train all recipes, or ONLY=mr or small, beside linear models, and write docs/accuracy.md (hours)
	-$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python -m scripts.accuracy $(ONLY)

clean: ## remove the virtual environment, caches and runs
	rm -rf $(VENV) .venv-keras build .textrnn_cache runs eval gradients .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
