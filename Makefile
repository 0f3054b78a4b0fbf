# One command each. `.venv` is built on the way, from a bare machine with Python 3.11 and make.
PYTHON ?= python3
BIN := .venv/bin
LOCKS := requirements-dev.lock requirements-uv.lock
export PYTHONWARNINGS = ignore:XDG_RUNTIME_DIR

.PHONY: help install demo up test journeys faults fuzz soak sources check audit sbom bench bench-compare lock clean

help:
	@echo "Try it"
	@echo "  make demo      eight stories of real order changes, then it ends"
	@echo "                 ARGS=\"--kill-worker\", \"--last-seat\", \"--fail STEP\": with trouble on purpose"
	@echo "  make up        run everything until Ctrl-C; ARGS=\"--api-port N\" and others"
	@echo "Check it"
	@echo "  make test      all tests but the next, on SQLite and PostgreSQL"
	@echo "  make journeys  what people do: commands, up, demo, a browser on the desk and the Web UI"
	@echo "  make faults    every step broken in every way, workers killed, runs terminated"
	@echo "  make fuzz      every route asked by its own description, on SQLite and PostgreSQL: two minutes"
	@echo "  make soak      seeded traffic while parts are killed; SEED=, MINUTES=, DATABASE=sqlite|postgres"
	@echo "  make bench     measure changes against bare workflows, growth and peers: an hour; ARGS=\"--only changes\""
	@echo "  make bench-compare OLD=a.json NEW=b.json   two benches (ARGS=\"--out a.json\") side by side"
	@echo "Work on it"
	@echo "  make install   build .venv from the hashed lock files; the others do it first"
	@echo "  make check     ruff, mypy, import-linter"
	@echo "  make audit     known holes in what is locked; asks an advisory database, so it needs the network"
	@echo "  make sbom      what an installation is made of, as CycloneDX: build/sbom.json"
	@echo "  make lock      resolve the dependencies anew"
	@echo "  make clean     remove .venv and what \`up\` keeps"
	@echo "Once installed, ./changeover --help has every command."

install: .venv/installed

.venv/installed: $(LOCKS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || { echo "Python's venv module is missing; on Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	@# uv does not read pip's configuration: hand it the index pip would use, and let pip do it when uv cannot.
	@index="$${PIP_INDEX_URL:-$$($(BIN)/python -m pip config get global.index-url 2>/dev/null)}"; \
	$(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes --python $(BIN)/python $${index:+--default-index "$$index"} $(LOCKS) \
		|| $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes $(LOCKS:%=-r %)
	@touch $@

demo: install
	@./changeover demo $(ARGS)

up: install
	@./changeover up $(ARGS)

test: install sources
	@# More processes than cores: many tests wait. Each process has servers and installations of its own.
	$(BIN)/python -m pytest -n 4 -m "not faults and not journeys and not fuzz"

journeys: install sources
	$(BIN)/python -m pytest -n 3 -m journeys

fuzz: install sources
	$(BIN)/python -m pytest -n 2 -m fuzz

faults: install sources
	$(BIN)/python -m pytest -n 4 -m faults

# Without SEED one is chosen and printed: `make soak SEED=...` runs its program again.
MINUTES ?= 1
DATABASE ?= postgres
soak: install sources
	@$(BIN)/python -m tests.soak $(if $(SEED),--seed $(SEED)) --minutes $(MINUTES) --database $(DATABASE)

# Some forty processes are started from these sources: compile them once.
sources:
	@$(BIN)/python -m compileall -q activities api cli domain examples providers runtime store telemetry temporal workflows tests worker.py

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports

# Strict: a package the database does not know, or that could not be asked about, is no package without holes.
audit: install
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes --progress-spinner off --timeout 15 $(LOCKS:%=-r %) \
		|| { echo "Not audited, or not clean: see above. Without the network nothing can be said."; exit 1; }

sbom: install
	@mkdir -p build
	@$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --validate -o build/sbom.json requirements.lock
	@echo build/sbom.json

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
