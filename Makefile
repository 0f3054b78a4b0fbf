# One command each. Every target builds `.venv` first; it needs Python 3.11 and make only.
PYTHON ?= python3
BIN := .venv/bin
LOCKS := requirements-dev.lock requirements-uv.lock
export PYTHONWARNINGS = ignore:XDG_RUNTIME_DIR

.PHONY: help install demo up test rules journeys faults fuzz soak sources check audit sbom release bench bench-compare lock clean

help:
	@echo "Try it"
	@echo "  make demo      nine stories of real order changes, then it ends: about 20 s once installed"
	@echo "                 ARGS=\"--kill-worker\", \"--last-seat\", \"--fail STEP\": with an injected fault; \"--embedded\": without the bank"
	@echo "  make up        run everything until Ctrl-C; ARGS=\"--api-port N\" and others"
	@echo "Check it"
	@echo "  make test      the full test suite on SQLite and PostgreSQL, without the next four: about 12 min on two slow cores"
	@echo "  make rules     what a change may and may not do, over HTTP, each on one of the databases: about 3 min"
	@echo "  make journeys  user journeys: commands, up, demo, a browser on the desk and the Web UI: about 7 min"
	@echo "  make faults    every fault in every step, killed workers, terminated runs: about 25 min"
	@echo "  make fuzz      fuzzes every route by its OpenAPI description, on both databases: about 10 min"
	@echo "  make soak      seeded load while processes are killed: about 1 min plus MINUTES"
	@echo "                 SEED=, MINUTES=1, DATABASE=sqlite|postgres"
	@echo "  make bench     compares changes with bare workflows, measures growth and peers: about 1 h; ARGS=\"--only changes\""
	@echo "  make bench-compare OLD=a.json NEW=b.json   compares two reports of make bench (ARGS=\"--out a.json\")"
	@echo "Work on it"
	@echo "  make install   build .venv from the hashed lock files; the other targets do this first"
	@echo "  make check     ruff, mypy, import-linter: about 1 min"
	@echo "  make audit     known vulnerabilities in the locked packages; needs the network"
	@echo "  make sbom      the packages of an installation, as CycloneDX: build/sbom.json"
	@echo "  make release   the release of this commit in build/: archive, sums, components, licences; KEEP=1: also in tests/releases"
	@echo "  make lock      resolve the dependencies again; needs the network"
	@echo "  make clean     remove .venv, build/ and the data of \`up\`"
	@echo "Once installed, ./changeover --help lists every command."

install: .venv/installed

.venv/installed: $(LOCKS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || { echo "Python's venv module is missing; on Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	@# uv does not read pip's configuration: pass it pip's index, and fall back to pip when uv fails.
	@index="$${PIP_INDEX_URL:-$$($(BIN)/python -m pip config get global.index-url 2>/dev/null)}"; \
	$(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes --python $(BIN)/python $${index:+--default-index "$$index"} $(LOCKS) \
		|| $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes $(LOCKS:%=-r %)
	@touch $@

demo: install
	@./changeover demo $(ARGS)

up: install
	@./changeover up $(ARGS)

test: install sources
	@# More processes than cores, because many tests wait. Each process has its own servers and installations.
	$(BIN)/python -m pytest -n 4 -m "not rules and not faults and not journeys and not fuzz"

rules: install sources
	$(BIN)/python -m pytest -n 4 -m rules

journeys: install sources
	$(BIN)/python -m pytest -n 3 -m journeys

fuzz: install sources
	$(BIN)/python -m pytest -n 2 -m fuzz

faults: install sources
	$(BIN)/python -m pytest -n 4 -m faults

# Without SEED the soak chooses and prints one: `make soak SEED=...` repeats its load.
MINUTES ?= 1
DATABASE ?= postgres
soak: install sources
	@$(BIN)/python -m tests.soak $(if $(SEED),--seed $(SEED)) --minutes $(MINUTES) --database $(DATABASE)

# The tests start some forty processes from these sources: compile them once.
sources:
	@$(BIN)/python -m compileall -q activities api cli domain examples providers runtime store telemetry temporal workflows tests worker.py

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports

# Strict: a package that is unknown to the advisory database, or could not be looked up, counts as not audited.
audit: install
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes --progress-spinner off --timeout 15 $(LOCKS:%=-r %) \
		|| { echo "Not audited, or vulnerable: see above. The audit needs the network."; exit 1; }

sbom: install
	@mkdir -p build
	@$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --validate -o build/sbom.json requirements.lock
	@echo build/sbom.json

# Without KEEP=1 nothing but build/ changes.
release: install sbom
	@$(BIN)/python -m tests.make_release $(if $(KEEP),--keep)

bench: install
	$(BIN)/python -m bench $(ARGS)

bench-compare: install
	@$(BIN)/python -m bench.compare $(OLD) $(NEW)

lock: install
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	echo uv | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" - -o requirements-uv.lock

clean:
	rm -rf .venv .changeover build
