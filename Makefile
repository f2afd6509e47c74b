# make app: set up, build the sample store, tag it, start the app.   make test: set up and run the tests.
# make bench: timings and long studies, or one by name (make bench-ingest).   make fuzz: the long hunts (make fuzz-ingest).
PYTHON ?= python3.11
BIN := .venv/bin
SAMPLE := data/sample.duckdb
PORT ?= 8501

BENCHES := $(patsubst benchmarks/%.py,bench-%,$(filter-out benchmarks/fuzz_% benchmarks/fetched.py benchmarks/pages.py benchmarks/texts.py,$(wildcard benchmarks/*.py)))
FUZZES := $(patsubst benchmarks/fuzz_%.py,fuzz-%,$(wildcard benchmarks/fuzz_*.py))

.PHONY: app test lint bench fuzz setup sample
app: setup sample
	@$(BIN)/telltale app --port $(PORT)

test: .venv/dev
	$(BIN)/python -m pytest -n 4 --dist loadgroup --ignore tests/browser
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/browser

lint: .venv/dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

bench: $(BENCHES)
fuzz: $(FUZZES)
bench-%: .venv/dev
	$(BIN)/python -m benchmarks.$*
fuzz-%: .venv/dev
	$(BIN)/python -m benchmarks.fuzz_$*

setup: .venv/run
sample: setup
	@$(BIN)/telltale ingest data/sample/odd-number.jsonl --map data/maps/odd-number.yaml --db $(SAMPLE) --json >/dev/null
	@$(BIN)/telltale tag --tagger cues --db $(SAMPLE) --json >/dev/null

.venv/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "Telltale needs Python 3.11; name yours with make PYTHON=…"; exit 2; }
	$(PYTHON) -m venv .venv

# Set up again only when what is to be installed has changed.
.venv/run: .venv/bin/python requirements.txt pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@
.venv/dev: .venv/run requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
