# Portvakt. `make` alone shows what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEBIAN := pcscd libpcsclite-dev vsmartcard-vpcd libnfc-bin mosquitto mosquitto-clients postgresql gcc python3-dev pkg-config fonts-dejavu-core librsvg2-bin chromium
QUICK ?= 0
COUNT ?= 1000000
DESTDIR ?=
SYSTEM_PYTHON ?= /usr/bin/python3

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench simulate docs asyncapi fuzz soak install deb appliance clean

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## play a morning at a gate, with nothing but Python
	@$(BIN)/python -m gate.simulator.demo

test: $(VENV)/.test lint ## install what the tests need, and run them all
	$(BIN)/python -m tests.simulation --seed 1 --days 2 --gates 3
	$(BIN)/pytest -n 3 --dist worksteal

lint: $(VENV)/.test ## format, lint, types, arrows
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.test ## measure; QUICK=1 for a short run
	$(BIN)/python -m tests.benchmarks $(if $(filter 1,$(QUICK)),--quick)

simulate: $(VENV)/.test ## seven days of a site with five gates, and the planted bugs
	$(BIN)/python -m tests.simulation --seed 1 --days 7 --gates 5
	$(BIN)/python -m tests.simulation --mutants

docs: $(VENV)/.test ## write the parts of docs/ that are made from the code
	$(BIN)/python -m tests.feed_documents
	$(BIN)/python -m tests.generated
	$(BIN)/python -m tests.pictures
	$(BIN)/python -m tests.console.pictures

asyncapi: $(VENV)/.test ## AsyncAPI's own parser reads docs/feed/asyncapi.json (needs node and npm)
	@npm install --silent --no-audit --no-fund --prefix var/node @asyncapi/parser@3.6.3
	$(BIN)/pytest -q -k parser tests/unit/test_feed_documents.py

fuzz: $(VENV)/.test ## a million random inputs for each decoder; COUNT= for another number
	$(BIN)/python -m tests.fuzz --count $(COUNT)

soak: $(VENV)/.test ## ten thousand taps on a PN532, two thousand on pcscd, and what grows meanwhile (40 min)
	PORTVAKT_TAPS=10000 $(BIN)/pytest -q -k taps --timeout 3600 tests/integration/test_pn532.py
	PORTVAKT_TAPS=2000 $(BIN)/pytest -q -k taps --timeout 3600 tests/integration/test_pcsc.py

install: ## as root: put everything under /opt/portvakt, units and settings in place; starts nothing. DESTDIR= for elsewhere
	@sh tools/apt.sh python3-venv libpcsclite-dev gcc python3-dev pkg-config
	@sh packaging/install.sh "$(DESTDIR)" $(SYSTEM_PYTHON)

deb: ## dist/portvakt_VERSION_ARCH.deb, for this machine's Debian and processor
	@sh tools/apt.sh python3-venv libpcsclite-dev gcc python3-dev pkg-config
	@sh packaging/deb.sh $(SYSTEM_PYTHON)

appliance: $(VENV)/.test deb ## as root: the package in a machine of its own (QEMU): installed, cut off, upgraded, purged (10 min)
	@sh tools/apt.sh debootstrap qemu-system-x86 cpio kmod e2fsprogs
	$(BIN)/python -m tests.appliance

clean: ## remove everything that make made
	rm -rf $(VENV) var build dist *.egg-info bench.json .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Portvakt needs Python 3.11 or newer"; exit 1; }
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { rm -rf $(VENV); sh tools/apt.sh python3-venv; $(PYTHON) -m venv $(VENV); }

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	@echo "installing into $(VENV) …"
	@$(BIN)/pip install -q --disable-pip-version-check -e '.[demo]'
	@touch $@

$(VENV)/.test: pyproject.toml Makefile | $(BIN)/python
	@sh tools/apt.sh $(DEBIAN)
	@echo "installing into $(VENV) …"
	@$(BIN)/pip install -q --disable-pip-version-check -e '.[test]'
	@touch $@ $(VENV)/.demo
