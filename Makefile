# Everything that a person or CI does here. `make run` and `make test` install what they need by themselves.

# the first Python on the PATH that starts and is new enough; a version manager's stand-in may be there and not start
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python; do $$name -c '$(FITS)' >/dev/null 2>&1 && { echo $$name; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
GENERATED := tools.document_api tools.document_detectors tools.document_types tools.document_posture tools.document_privacy tools.document_notice tools.document_cost
SYSTEM := mono-mcs mono-runtime libnewtonsoft-json5.0-cil chromium
PYTHON_PACKAGES := $(VENV)/.installed
NEEDED := $(PYTHON_PACKAGES) node_modules/.package-lock.json

.DEFAULT_GOAL := help

help:  ## what can be made
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(NEEDED)  ## the whole of Gatewatch on this machine, history, attack, alert: EVENTS=file.jsonl.gz plays your own
	@$(BIN)/python -m local.run $(if $(EVENTS),--events '$(EVENTS)') $(ARGS)

attack: $(NEEDED)  ## attack the running stack: KIND=spike, flood, agent
	@$(BIN)/python -m local.play --attack $(or $(KIND),spike)

prove: $(NEEDED)  ## every detector on a stack of its own: which alerts come, after how many seconds
	@$(BIN)/python -m tools.prove --own $(ARGS)

test: $(NEEDED)  ## every test whose tools are here, on real parts; ends with what was left out
	@$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

quality: $(PYTHON_PACKAGES)  ## false alerts, recall and delays on a real log and on labelled traffic: ARGS='--data DIR --only WORD'
	@$(BIN)/python -m tools.quality $(ARGS)

lint: $(PYTHON_PACKAGES)  ## style, types, pins, and what is generated is current
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m tools.pins --check
	@for page in $(GENERATED); do $(BIN)/python -m $$page --check || exit 1; done

pages: $(PYTHON_PACKAGES)  ## write every page that is generated
	@for page in $(GENERATED); do $(BIN)/python -m $$page; done

new-detector: $(PYTHON_PACKAGES)  ## start a detector with its test: NAME=options_probe ID=API_OptionsProbe
	@$(BIN)/python -m tools.new_detector $(NAME) $(ID)

system:  ## what the tests of the gateway and the page need of the system, on Debian and Ubuntu, as root
	@apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(SYSTEM)

mutate: $(NEEDED)  ## change the code a little, everywhere, and see which change no test notices: ARGS='adapters/steps.py:20-60 --most 40'
	@$(BIN)/python -m tools.mutate $(ARGS)

bench: $(NEEDED)  ## measured speed, as ratios
	@$(BIN)/python -m bench.ingest
	@$(BIN)/python -m bench.judge
	@$(BIN)/python -m bench.page
	@$(BIN)/python -m bench.flood

pictures: $(NEEDED)  ## of the page that runs here, light and dark, for the documentation
	@$(BIN)/python -m tools.screenshots

vendor: $(NEEDED)  ## what the page is made of, from node_modules into web/static/vendor
	@$(BIN)/python -m tools.vendor

fuzz: $(PYTHON_PACKAGES)  ## what strangers write, at random: classifier, decoder, hub, policy editor, bodies; SECONDS=20 of each
	@for target in classify decode amqp policy_edit bodies; do echo "fuzzing $$target"; $(BIN)/python tests/fuzz/$${target}_fuzz.py -max_total_time=$(or $(SECONDS),20) -verbosity=0 || exit 1; done

soak: $(NEEDED)  ## the stack under traffic and faults: DURATION=1200 seconds, RATE=300 events a second
	@$(BIN)/python -m tests.local.soak --duration $(or $(DURATION),1200) --rate $(or $(RATE),300) $(ARGS)

pins: $(PYTHON_PACKAGES)  ## compile requirements*.in into what is installed, with hashes: ARGS=--upgrade takes what is newest
	@$(BIN)/python -m tools.pins $(ARGS)

sbom: $(PYTHON_PACKAGES)  ## the bill of materials of a deployment, CycloneDX: OUT=sbom.json
	@$(BIN)/python -m tools.sbom --out $(or $(OUT),sbom.json)

setup: $(NEEDED)  ## install the Python and npm packages

$(VENV)/.installed: requirements-dev.lock
	@'$(or $(PYTHON),false)' -c '$(FITS)' 2>/dev/null || { echo 'Python is missing or of the wrong version: Gatewatch needs 3.11, 3.12 or 3.13 on the PATH, or make PYTHON=/path/to/python.' >&2; exit 1; }
	@test -x $(BIN)/python || '$(PYTHON)' -m venv $(VENV) || { echo 'venv is missing: install the package python3-venv of your system.' >&2; exit 1; }
	@echo 'installing the Python packages into $(VENV)'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

node_modules/.package-lock.json: package.json package-lock.json
	@command -v node >/dev/null || { echo 'Node.js is missing: Azurite, the storage emulator, needs version 20 or newer on the PATH.' >&2; exit 1; }
	@node -e 'process.exit(+(parseInt(process.versions.node) < 20))' || { echo "Node.js $$(node --version) is too old: Azurite, the storage emulator, needs version 20 or newer." >&2; exit 1; }
	@command -v npm >/dev/null || { echo 'npm is missing: it installs Azurite, the storage emulator.' >&2; exit 1; }
	@test ! -L node_modules || { echo 'node_modules is a link, and npm ci would empty what it points to: run make setup there, or remove the link.' >&2; exit 1; }
	@echo 'installing the npm packages'
	@npm ci --silent --no-audit --no-fund
	@touch $@

.PHONY: help run attack prove test quality lint pages new-detector system mutate bench pictures vendor fuzz soak pins sbom setup
