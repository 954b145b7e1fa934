PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# What is tested: the checkout, or a wheel as CI does.
PACKAGE := --editable .

MINUTES ?= 10

LOCK := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version=3.11 --generate-hashes \
  --custom-compile-command='make lock'

.PHONY: demo test lowest lint wheel lock bench lists estimate coverage soak generate pictures clean

demo: $(VENV)/ready  ## a simulated contact centre and the exporter on http://localhost:9927
	@exec $(BIN)/exotel-exporter --demo

test: lint $(VENV)/deploy  ## linters, types and every test
	$(BIN)/pytest

# What is told of wrong usage is click's, each version in its own words; how a wheel is built is setuptools'.
lowest: $(VENV)/deploy  ## the program and its tests with the lowest versions that pyproject.toml declares
	$(PYTHON) -m venv --clear --without-pip build/lowest
	$(BIN)/uv pip install --quiet --python=build/lowest/bin/python --resolution=lowest-direct \
	  --requirements=pyproject.toml --extra=dev
	$(BIN)/uv pip install --quiet --python=build/lowest/bin/python --no-deps $(PACKAGE)
	build/lowest/bin/exotel-exporter --version
	build/lowest/bin/exotel-exporter --demo --once >build/lowest/demo.prom
	CI= build/lowest/bin/pytest tests/unit \
	  $(addprefix tests/integration/test_,authorities.py tls.py endpoints.py requests.py listening.py connections.py)

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

wheel: $(BIN)/pip  ## dist/: what is shipped, with the commit it is built from
	rm -rf build/lib build/bdist.* dist
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir=dist .

lock: build/lock/bin/cyclonedx-py $(VENV)/deploy  ## deploy/: what an image installs, by hash, and the bill of it; the newest that is allowed
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
	  | $(LOCK) --output-file=deploy/requirements-build.lock -
	$(LOCK) --output-file=deploy/requirements.lock pyproject.toml
	$(PYTHON) -m venv --clear --without-pip build/locked
	$(BIN)/uv pip install --quiet --python=build/locked/bin/python --require-hashes --requirements=deploy/requirements.lock
	build/lock/bin/cyclonedx-py environment --pyproject=pyproject.toml --output-reproducible --of=JSON \
	  --output-file=deploy/sbom.cdx.json build/locked/bin/python

build/lock/bin/cyclonedx-py: pyproject.toml
	$(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet --disable-pip-version-check '.[lock]'
	@touch $@

bench: $(VENV)/ready  ## start, listings, 500 accounts, reloads: time, CPU, memory, what is lost, and what is to be reached
	@missed=0; for part in bench.start bench bench.fleet bench.reloads; do \
	  $(BIN)/python -m $$part || missed=1; done; exit $$missed

lists: $(VENV)/ready  ## lists as servers have them, in virtual time: what is called complete, and what of it is false
	$(BIN)/python -m bench.lists

coverage: $(VENV)/ready  ## how many of 500 calls the stream details cover over time, at 200 requests a minute
	$(BIN)/python -m bench.coverage

estimate: $(VENV)/ready  ## how often the interval of an estimate holds the truth, and how wide it is, by the order of the list
	$(BIN)/python -m bench.estimate

soak: $(VENV)/ready  ## scrapes under churn and faults for MINUTES: memory, threads and descriptors must stay
	$(BIN)/python -m bench.soak --minutes=$(MINUTES)

generate: $(VENV)/deploy  ## what is committed but generated: dashboards, docs/metrics.md, docs/configuration.md, Kubernetes manifests
	$(BIN)/python -m grafana.generate
	$(BIN)/python -m docs.generate
	$(BIN)/python -m deploy.generate

pictures: $(VENV)/ready  ## docs/pictures/: each dashboard over a simulated day; needs node, npm, chromium, prometheus
	$(BIN)/python -m grafana.pictures

$(VENV)/ready: pyproject.toml setup.py | $(BIN)/pip
	@$(BIN)/pip install --quiet --disable-pip-version-check $(PACKAGE)[dev]
	@touch $@

$(VENV)/deploy: $(VENV)/ready
	@$(BIN)/pip install --quiet --disable-pip-version-check $(PACKAGE)[dev,deploy]
	@touch $@

$(BIN)/pip:
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "Python 3.11 or newer with venv is needed (Debian: apt-get install python3-venv); say which with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
