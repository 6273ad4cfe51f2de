# Needs Python 3.11 or later with venv and pip, and make. Nothing else.
# Another Python: make run PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq install --root-user-action=ignore

# So that the first start need not do it.
COMPILE := $(BIN)/python -m compileall -q activitypub fedserver storage

.DEFAULT_GOAL := help
.PHONY: help install run demo test drill soak fuzz interop clients check format bench bench-growth clean

help:
	@echo "make run     start the server and its database: http://localhost:8080 (Ctrl-C stops both)"
	@echo "make demo    start two instances that follow and write to each other, and watch them talk"
	@echo "make test    run the tests               (ARGS='-k name' is given to pytest)"
	@echo "make fuzz    feed made-up activities, documents, markup and requests for FUZZ_SECONDS (120)"
	@echo "make soak    run beside 750 bad peers for some minutes, and print what happened"
	@echo "make drill   lose a host and a domain at full size, and print what was saved"
	@echo "make interop exchange everything with other servers' software (needs npm), into docs/interop.md"
	@echo "make clients live a long life with clients' libraries, Python's and JavaScript's (needs npm)"
	@echo "make check   format, lint, types, import contracts: what CI checks before the tests"
	@echo "make format  put the code in the common form"
	@echo "make bench   measure the speed, side by side with bare servers"
	@echo "make bench-growth  pages under 32 clients (ARGS='--statuses 10000 1000000': how costs grow)"
	@echo "make clean   remove the environment .venv and the caches, never data"
	@echo
	@echo "The first command builds the environment .venv; later ones use it at once."
	@echo "Settings: config.toml (see config.example.toml) or FEDSERVER_SECTION__KEY, such as"
	@echo "  FEDSERVER_SERVER__PORT=8081 make run"

# Each of these is one exec, so that make only waits: Ctrl-C reaches the program itself, which
# stops in order, and make says nothing about it.
run: $(VENV)/.installed
	@exec $(BIN)/python -m fedserver run $(ARGS)

demo: $(VENV)/.installed
	@exec $(BIN)/python -m fedserver demo $(ARGS)

test: $(VENV)/.installed-dev
	@exec $(BIN)/python -m pytest -n auto --dist loadscope $(ARGS)

FUZZ_SECONDS ?= 120

fuzz: $(VENV)/.installed-dev
	@FUZZ_SECONDS=$(FUZZ_SECONDS) exec $(BIN)/python -m pytest tests/fuzz -q -m fuzz $(ARGS)

drill: $(VENV)/.installed-dev
	@exec $(BIN)/python -m pytest -m drill tests/resilience -n0 -s $(ARGS)

soak: $(VENV)/.installed-dev
	@exec $(BIN)/python -m pytest -m soak tests/soak tests/resilience $(ARGS)

# Other servers' libraries have an environment of their own, beside their tests.
PEERS := tests/interop/peers/python

interop: $(VENV)/.installed-dev
	@npm --version > /dev/null || { echo "npm is missing: it comes with Node.js"; exit 1; }
	@npm install --prefix tests/interop/fedify --no-package-lock --no-audit --no-fund
	@test -x $(PEERS)/venv/bin/python || $(PYTHON) -m venv $(PEERS)/venv
	@$(PEERS)/venv/bin/python -m pip --disable-pip-version-check -qq install -r $(PEERS)/requirements.txt
	@INTEROP_TABLE=1 exec $(BIN)/python -m pytest -m interop tests/interop $(ARGS)

clients: $(VENV)/.installed-dev
	@npm --version > /dev/null || { echo "npm is missing: it comes with Node.js"; exit 1; }
	@npm install --prefix tests/clients/masto --no-package-lock --no-audit --no-fund
	@exec $(BIN)/python -m pytest tests/clients $(ARGS)

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-dev
	@exec $(BIN)/python -m benchmarks $(ARGS)

bench-growth: $(VENV)/.installed-dev
	@exec $(BIN)/python -m benchmarks.growth $(ARGS)

install: $(VENV)/.installed

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "fedserver needs Python 3.11 or later; $(PYTHON) is older or missing. Name another: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "The environment cannot be made. On Debian and Ubuntu: apt install python3-venv"; exit 1; }

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	@echo "installing the libraries into $(VENV) (once; about a minute) ..."
	@$(PIP) --editable .
	@$(COMPILE)
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	@echo "installing the libraries and the tools for development into $(VENV) (once; about a minute) ..."
	@$(PIP) --editable '.[dev]'
	@$(COMPILE)
	@touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build *.egg-info
