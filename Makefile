# Everything that a person or CI does here. `make run` and `make test` install what they need by themselves.

PYTHON := $(firstword $(foreach version,3.12 3.13 3.11,$(shell command -v python$(version) 2>/dev/null)) $(shell command -v python3 2>/dev/null))
VENV := .venv
BIN := $(VENV)/bin
NEEDED := $(VENV)/.installed node_modules/.package-lock.json

.DEFAULT_GOAL := help

help:  ## what can be made
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(NEEDED)  ## the whole of Gatewatch on this machine, history, attack, alert: EVENTS=file.jsonl.gz plays your own
	@$(BIN)/python -m local.run $(if $(EVENTS),--events '$(EVENTS)') $(ARGS)

attack: $(NEEDED)  ## attack the running stack: KIND=spike, flood, agent
	@$(BIN)/python -m local.play --attack $(or $(KIND),spike)

test: $(NEEDED)  ## every test, on real parts
	@$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

lint: $(NEEDED)  ## style, types, and what is generated is current
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(NEEDED)  ## measured speed, as ratios
	@$(BIN)/python -m bench.ingest

setup: $(NEEDED)  ## install the Python and npm packages

$(VENV)/.installed: requirements.txt requirements-dev.txt
	@test -n '$(PYTHON)' || { echo 'Python is missing: Gatewatch needs Python 3.11, 3.12 or 3.13 on the PATH.' >&2; exit 1; }
	@'$(PYTHON)' -c 'import sys; v = sys.version_info; ok = (3, 11) <= v[:2] <= (3, 13); ok or print(f"Python {v[0]}.{v[1]} does not do: Gatewatch needs 3.11, 3.12 or 3.13 on the PATH, as python3.12 for example.", file=sys.stderr); sys.exit(not ok)'
	@test -x $(BIN)/python || '$(PYTHON)' -m venv $(VENV) || { echo 'venv is missing: install the package python3-venv of your system.' >&2; exit 1; }
	@echo 'installing the Python packages into $(VENV)'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

node_modules/.package-lock.json: package.json package-lock.json
	@command -v node >/dev/null || { echo 'Node.js is missing: Azurite, the storage emulator, needs version 20 or newer on the PATH.' >&2; exit 1; }
	@node -e 'process.exit(+(parseInt(process.versions.node) < 20))' || { echo "Node.js $$(node --version) is too old: Azurite, the storage emulator, needs version 20 or newer." >&2; exit 1; }
	@command -v npm >/dev/null || { echo 'npm is missing: it installs Azurite, the storage emulator.' >&2; exit 1; }
	@echo 'installing the npm packages'
	@npm ci --silent --no-audit --no-fund
	@touch $@

.PHONY: help run attack test lint bench setup
