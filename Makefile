# Needs python3 (3.11 or newer) and make. Another interpreter: make PYTHON=python3.12 demo

PYTHON ?= python3
unexport PYTHONDONTWRITEBYTECODE # without the compiled modules a process takes twice as long to start
BIN := .venv/bin
PY := $(BIN)/python
PIP := $(PY) -m pip -qq --disable-pip-version-check --no-input
READY := .venv/.ready
BENCH_READY := .venv/.bench-ready
ASYNCAPI_CLI := 6.2.0

.PHONY: help demo test rules faults simulate mutants fuzz check bench durability release-log release-contract asyncapi lock clean

help:
	@echo "make demo    a call centre at work, on an embedded server"
	@echo "make test    all tests"
	@echo "make rules   the 76 rules, each with its scenarios (WITHOUT=all: switched off in turn)"
	@echo "make faults  real processes killed, paused and cut off under load (CYCLES=1000 SEED=0 KINDS= AGAIN=1)"
	@echo "make simulate     the services on a server in memory, hurt at every step (SEEDS=10000 FROM=0)"
	@echo "make mutants      faults planted in the code, each of which a run must show"
	@echo "make fuzz    the HTTP door under requests made from its OpenAPI document (SECONDS=300)"
	@echo "make check   lint, format, types, import rules, schemas, breaking changes"
	@echo "make durability   every ack against the fsyncs before it (ROUNDS=10 REPLICAS=1)"
	@echo "make release-log  keep a log of this release, for the next ones to read"
	@echo "make release-contract  keep the contract of this release, which the next ones must keep to"
	@echo "make asyncapi     asyncapi.json, judged by the official command (needs Node)"
	@echo "make bench   measurements, beside what else one would pick (QUICK=1: all of it small; ONLY=commit)"
	@echo "make lock    pin what pyproject.toml asks for (UPGRADE=1: at its newest)"
	@echo "make clean   caches and built files away; .venv stays"

demo: $(READY)
	@$(BIN)/centralita demo

test: $(READY)
	@$(PY) -m pytest -n 3 -q

rules: $(READY)
	@$(PY) -m tests.scenarios.rules $(if $(WITHOUT),--without $(WITHOUT)) $(if $(ONLY),--only $(ONLY))

faults: $(READY)
	@$(PY) -m tests.faults $(if $(CYCLES),--cycles $(CYCLES)) $(if $(SEED),--seed $(SEED)) \
		$(if $(KINDS),--kinds "$(KINDS)") $(if $(RESULTS),--results $(RESULTS)) $(if $(AGAIN),--again)

simulate: $(READY)
	@$(PY) -m tests.simulation --seeds $(or $(SEEDS),10000) --from $(or $(FROM),0)

mutants: $(READY)
	@$(PY) -m tests.simulation.mutants

fuzz: $(READY)
	@$(PY) -m tests.door.fuzz --seconds $(or $(SECONDS),300)

check: $(READY)
	@echo "ruff check"; $(BIN)/ruff check --quiet
	@echo "ruff format"; $(BIN)/ruff format --check --quiet || { $(BIN)/ruff format --check; exit 1; }
	@echo "mypy"; $(BIN)/mypy
	@echo "import rules"; $(BIN)/lint-imports --no-logo
	@echo "schemas"; $(PY) -m contracts.schemas --check
	@echo "pages"; $(PY) -m contracts.pages --check
	@echo "released contracts"; $(PY) -m contracts.released

durability: $(READY)
	@$(PY) -m tests.durability --rounds $(or $(ROUNDS),10) --replicas $(or $(REPLICAS),1)

release-log: $(READY)
	@$(PY) -m tests.upgrade.record

asyncapi:
	@ASYNCAPI_METRICS=false npx --yes @asyncapi/cli@$(ASYNCAPI_CLI) validate contracts/asyncapi.json --fail-severity=error

release-contract: $(READY)
	@$(PY) -m contracts.released --write $(if $(AGAIN),--again)

bench: $(BENCH_READY)
	@$(PY) -m bench $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY)) $(if $(INTO),--into $(INTO))

lock: | $(PY)
	@$(PY) -c 'import uv' 2>/dev/null || { echo "installing uv"; $(PIP) install uv; }
	@echo "locking"
	@$(PY) -m uv --quiet pip compile pyproject.toml --group dev --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		$(if $(UPGRADE),--upgrade) --output-file requirements.lock
	@$(PY) -m uv --quiet pip compile --group bench --constraint requirements.lock --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		$(if $(UPGRADE),--upgrade) --output-file requirements-bench.lock

clean:
	@rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Centralita needs Python 3.11 or newer; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "creating .venv"
	@$(PYTHON) -m venv --clear .venv

$(READY): pyproject.toml requirements.lock | $(PY)
	@echo "installing the locked dependencies"
	@$(PIP) install --no-compile --require-hashes --only-binary :all: -r requirements.lock
	@echo "installing centralita"
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(BENCH_READY): requirements-bench.lock $(READY)
	@echo "installing what only the benchmark needs"
	@$(PIP) install --no-compile --require-hashes --only-binary :all: -r requirements-bench.lock
	@touch $@
