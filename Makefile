# Everything a person or CI runs on this project. `make help` lists it.
# .venv is made, and kept up to date with pyproject.toml, by whatever needs it.

VENV   ?= .venv
# Which Python to make .venv with; empty: the first of 3.13 ... 3.10 that is found whole.
PYTHON ?=
# More arguments for the command of a target: make test ARGS="tests/core -k retry"
ARGS   ?=

BIN   := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo lab test faults chaos test-pythons test-matrix lint format bench bench-peers bench-scale bench-faults bench-graph binder-check pictures clean

help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(STAMP)  ## Run the demo notebook here, with a status line; writes it and a page to demo-output/
	@$(BIN)/nbflow demo $(ARGS)

lab: $(STAMP)  ## Open JupyterLab on the tutorials
	@cd notebooks && $(abspath $(BIN))/jupyter lab $$(test "$$(id -u)" != 0 || echo --allow-root) $(ARGS)

test: $(STAMP)  ## All tests, browser tests included where there is a Chromium
	@$(BIN)/python -m tools.browser
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations=15 --durations-min=1 $(ARGS)

faults: $(STAMP)  ## Let each operation of each process fail once, and see what comes of it: takes minutes
	@NBFLOW_EVERY_FAULT=1 $(BIN)/python -m pytest -s tests/faults/test_fault_points.py $(ARGS)

chaos: $(STAMP)  ## Random graphs under random faults and kills, for two minutes: is every value right?
	@$(BIN)/python -m tools.chaos $(ARGS)

test-pythons: $(STAMP)  ## The tests without the browser, on each of Python 3.10 to 3.13 that is here
	@$(BIN)/python -m tools.each_python $(ARGS)

test-matrix: $(STAMP)  ## The tests that drive a real kernel, with each of ipykernel 6.29 to 7.4, and a table
	@$(BIN)/python -m tools.each_ipykernel $(ARGS)

lint: $(STAMP)  ## ruff (rules and format), mypy --strict, notebooks without outputs
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m tools.notebooks --check

format: $(STAMP)  ## Let ruff mend and format the code; empty the notebooks' outputs
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/python -m tools.notebooks

bench: $(STAMP)  ## Measure nbflow beside the standard library's process pool, for two minutes
	@$(BIN)/python -m benchmarks $(ARGS)

bench-peers: $(STAMP)  ## The same beside loky, Dask, Parsl and Ray as well, which it installs; writes benchmarks/results/
	@$(BIN)/python -m benchmarks --peers $(ARGS)

bench-scale: $(STAMP)  ## What a task costs as there are more of them, up to a million; writes benchmarks/results/
	@$(BIN)/python -m benchmarks.scale $(ARGS)

bench-faults: $(STAMP)  ## How long the promised ends take when something goes wrong
	@$(BIN)/python -m benchmarks.faults $(ARGS)

bench-graph: $(STAMP)  ## What the live graph costs a kernel and a page, up to 50,000 tasks
	@$(BIN)/python -m benchmarks.graph $(ARGS)

binder-check: $(STAMP)  ## Check binder/ without Docker: render it, run its postBuild, run the first notebook
	@$(BIN)/python -m tools.binder_check $(ARGS)

pictures: $(STAMP)  ## Take the README's pictures anew, by the browser test that keeps them
	@$(BIN)/python -m tools.browser
	@$(BIN)/python -m pytest tests/browser/test_live_graph.py
	@cp test-output/graph-light.png test-output/graph-dark.png docs/images/

clean:  ## Remove what the other targets made, .venv included
	rm -rf $(VENV) .venvs demo-output test-output build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): pyproject.toml
	@sh tools/make_venv.sh $(VENV) demo,dev $(PYTHON)
	@touch $@
