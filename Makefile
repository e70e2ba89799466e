# Two commands do everything: `make demo` (ONCE=1 ends after the journey) and `make test`.
# Set-up is repeatable: each step leaves a stamp and runs again only when what it depends on has changed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := var/stamps
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test check setup setup-dev benchmarks clean help

help:
	@echo "make demo        set up everything, run the main job, leave the site running (ONCE=1 ends after it)"
	@echo "make test        set up everything, run every check and test"
	@echo "make check       linters, types and import contracts alone"
	@echo "make benchmarks  measure the claims of benchmarks/RESULTS.md"

demo: setup
	@$(BIN)/python -m config.demo $(if $(filter-out 0,$(ONCE)),--once)

test: setup-dev
	@$(BIN)/python -m tests

check: setup-dev
	@$(BIN)/python -m tests --checks

benchmarks: setup-dev
	@for file in benchmarks/[a-z]*.py; do $(BIN)/python -m benchmarks.$$(basename $$file .py) || exit 1; done

setup: $(STAMPS)/python $(STAMPS)/contracts $(STAMPS)/messages $(STAMPS)/pages

setup-dev: setup $(STAMPS)/python-dev $(STAMPS)/system

$(STAMPS):
	@mkdir -p $@

# The virtual environment. torch comes first and pinned, so that nothing else chooses another build of it.
$(STAMPS)/python: requirements.txt constraints.txt | $(STAMPS)
	@$(PYTHON) -c 'import sys, venv, ensurepip; assert sys.version_info >= (3, 11)' 2>/dev/null || \
		{ echo "Python 3.11 with venv is needed; on Debian: apt-get install python3 python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing Python packages (minutes the first time) …"
	@$(BIN)/python -m pip install --quiet -c constraints.txt torch==2.13.0
	@$(BIN)/python -m pip install --quiet -c constraints.txt -r requirements.txt
	@touch $@

$(STAMPS)/python-dev: requirements-dev.txt requirements-harness.txt $(STAMPS)/python
	@$(BIN)/python -m pip install --quiet -c constraints.txt -r requirements-dev.txt
	@touch $@

$(STAMPS)/node: package.json package-lock.json | $(STAMPS)
	@command -v npm >/dev/null || { echo "Node 20 with npm is needed"; exit 1; }
	@echo "installing npm packages …"
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(STAMPS)/contracts: $(STAMPS)/node $(wildcard contracts/*.sol) contracts/compile.mjs
	@node contracts/compile.mjs
	@touch $@

# The script and the style sheet of the pages, bundled.
$(STAMPS)/pages: $(STAMPS)/node frontend/build.mjs $(wildcard frontend/static/js/*.js frontend/static/css/*.css)
	@node frontend/build.mjs
	@touch $@

$(STAMPS)/messages: $(STAMPS)/python $(wildcard frontend/locale/*/LC_MESSAGES/*.po)
	@$(BIN)/python -m frontend.messages
	@touch $@

# What the tests need from Debian: PostgreSQL, Redis, Chromium. Installed here when we may, named when we may not.
$(STAMPS)/system: tests/system-packages | $(STAMPS)
	@sh tests/system-packages
	@touch $@

clean:
	rm -rf $(VENV) node_modules var contracts/build
