PYTHON ?= python3
BIN := .venv/bin

MINUTES ?= 10

.PHONY: demo test lint bench coverage soak generate pictures clean

demo: .venv/ready  ## a simulated contact centre and the exporter on http://localhost:9927
	@exec $(BIN)/exotel-exporter --demo

test: lint  ## linters, types and every test
	$(BIN)/pytest

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/ready  ## listings against the simulator: requests, time, CPU and memory, and what is to be reached
	$(BIN)/python -m bench

coverage: .venv/ready  ## how many of 500 calls the stream details cover over time, at 200 requests a minute
	$(BIN)/python -m bench.coverage

soak: .venv/ready  ## scrapes under churn and faults for MINUTES: memory, threads and descriptors must stay
	$(BIN)/python -m bench.soak --minutes=$(MINUTES)

generate: .venv/ready  ## what is committed but generated: dashboards, docs/metrics.md
	$(BIN)/python -m grafana.generate
	$(BIN)/python -m docs.generate

pictures: .venv/ready  ## docs/pictures/: each dashboard over a simulated day; needs node, npm, chromium, prometheus
	$(BIN)/python -m grafana.pictures

.venv/ready: pyproject.toml
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "Python 3.11 or newer with venv is needed (Debian: apt-get install python3-venv); say which with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

clean:
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
