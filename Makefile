# Everything runs in .venv, which these targets make. Needs Python >= 3.11 and make; the only
# network address used is the package index (pip's and uv's own settings decide which).
#
# A stamp file says what .venv holds: .core what users need, .dev what developers need besides.
# Both go stale with pyproject.toml and with the contracts, since installing generates the stubs.

MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

VENV := .venv
PY := $(VENV)/bin/python
SETUP := pyproject.toml protos/build.py protos/generate.py $(wildcard protos/*.proto)
PYTHON ?=
# Tests wait for processes and streams about half of their time, so there are more of them than cores.
WORKERS ?= 4
# What `make test` needs: under CI also Spark, which is large and needs Java 17.
comma := ,
DEV := $(VENV)/.dev $(if $(filter true,$(CI)),$(VENV)/.spark)

.PHONY: demo test lint types unit scenarios stubs picture clean help

demo: $(VENV)/.core ## the guided tour: a question asked through the glasses, all the way round
	$(VENV)/bin/sightline demo

test: lint types unit scenarios ## everything that a change has to pass

lint: $(VENV)/.dev ## ruff
	$(VENV)/bin/ruff check .

types: $(VENV)/.dev ## mypy --strict on lineage/ and sim/
	$(VENV)/bin/mypy

unit: $(DEV) ## unit tests and the tests that guard the shape
	$(PY) -m pytest -q -n $(WORKERS) --dist loadfile tests lineage sim

scenarios: $(DEV) ## every scenario, as a test
	$(PY) -m pytest -q -n $(WORKERS) --dist loadfile scenarios/

stubs: $(VENV)/.dev ## generate the gRPC stubs from protos/*.proto
	$(PY) protos/generate.py

picture: $(VENV)/.core ## draw the README's picture again, from a run of the demo
	$(VENV)/bin/sightline demo >/dev/null
	$(PY) -m sim.show.readme

clean: ## remove .venv, the stubs and the caches; runs/ stays
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .schemathesis .import_linter_cache
	rm -f protos/*_pb2.py protos/*_pb2.pyi protos/*_pb2_grpc.py
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

# The newest usable interpreter. A pyenv shim may be on the PATH and run nothing, so each is tried.
$(VENV)/.tools:
	@if ! $(PY) -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	  found=; bare=; \
	  for p in $(PYTHON) python3.13 python3.12 python3.11 python3 python; do \
	    $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue; \
	    if $$p -c 'import ensurepip, venv' >/dev/null 2>&1; then found=$$p; break; fi; \
	    bare=$${bare:-$$p}; \
	  done; \
	  if [ -z "$$found" ] && [ -n "$$bare" ]; then \
	    package=$$($$bare -c 'import sys; print("python3.%d-venv" % sys.version_info[1])'); \
	    echo "$$bare cannot make a virtual environment: its ensurepip module is missing." >&2; \
	    echo "On Debian or Ubuntu: sudo apt-get install $$package   then run make again." >&2; exit 2; \
	  fi; \
	  if [ -z "$$found" ]; then \
	    echo "No Python >= 3.11 found as python3.13, python3.12, python3.11, python3 or python." >&2; \
	    echo "Install one (Debian 12: sudo apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3" >&2; \
	    exit 2; \
	  fi; \
	  echo "making $(VENV) with $$found"; \
	  "$$found" -m venv --clear $(VENV) || exit 2; \
	fi
	@$(PY) -m pip install -q --disable-pip-version-check uv || echo "uv cannot be installed here; pip will do, in more time"
	@touch $@

# --reinstall-package: otherwise uv takes a cached build, and the stubs of changed contracts stay as they were.
# uv trusts its own list of certificates; behind a proxy only the system's will do, as for pip.
UV_INSTALL := $(PY) -m uv pip install -q --python $(PY) --reinstall-package sightline -e
define install
	@echo "installing sightline$(1) into $(VENV)"
	@$(UV_INSTALL) '.$(1)' 2>/dev/null \
	  || UV_SYSTEM_CERTS=1 $(UV_INSTALL) '.$(1)' \
	  || { echo "uv cannot; trying pip"; $(PY) -m pip install -q --disable-pip-version-check -e '.$(1)'; }
endef

$(VENV)/.core: $(SETUP) | $(VENV)/.tools
	$(call install,)
	@touch $@

$(VENV)/.dev: $(SETUP) | $(VENV)/.tools
	$(call install,[dev])
	@touch $(VENV)/.core $@

$(VENV)/.spark: $(SETUP) | $(VENV)/.dev
	$(call install,[dev$(comma)spark])
	@touch $(VENV)/.core $(VENV)/.dev $@
