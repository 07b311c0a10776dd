# Every target sets up what it needs: a virtual environment, and (as root, on Debian) the one
# system library that the lab needs. `make help` lists them.
SHELL := /bin/bash
# The tests start hundreds of interpreters, so Python keeps what it compiled, whatever the caller set.
unexport PYTHONDONTWRITEBYTECODE
PYTHON ?= python3
# Which versions of the libraries: those of the lock, or the newest or the lowest that the ranges of
# pyproject.toml allow, each in an environment of its own.
DEPS ?= lock
LOCK := requirements-lock.txt
DOCS_LOCK := requirements-docs.txt
PURE := model policy expected verdict review report
VENV := .venv$(if $(filter-out lock,$(DEPS)),-$(DEPS))
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
TESTS ?= tests
WORKERS ?= auto
# Every worker has a fleet of pods of its own, all of them in this machine's containers.
KIND_WORKERS ?= auto
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help install lock check static coverage test docs dist lab lab-down test-lab test-lab-flat fuzz-lab test-defects test-rights test-load demo-bundle bench clean

help: ## Say what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed libnftables ## Set up the virtual environment and the system library

lock: .venv/.installed ## Renew the lock with the newest versions that pyproject.toml allows, and take them
	$(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --extra dev --generate-hashes \
	  --custom-compile-command "make lock" pyproject.toml -o $(LOCK)
	$(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --group docs --generate-hashes \
	  --custom-compile-command "make lock" -o $(DOCS_LOCK)
	@$(MAKE) --no-print-directory .venv/.installed

check: static coverage ## Format, lint, types, import contracts, the rules of the house, coverage

static: $(VENV)/.installed ## The same without coverage
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PYTEST) tests/house -q

coverage: $(VENV)/.installed ## How much of the pure stages their unit tests reach, with a floor
	$(BIN)/coverage run -m pytest -q $(PURE:%=tests/unit/%)
	$(BIN)/coverage report

test: install ## Prove that the harness tells the truth
	$(PYTEST) $(TESTS) -n $(WORKERS) --dist worksteal $(ARGS)

docs: .venv-docs/.installed ## Build the documentation site into site/, with all links checked
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/python -m mkdocs --quiet build --strict
	@echo "The site is there: site/index.html (its search needs a server: python3 -m http.server -d site)"

dist: $(VENV)/.installed ## Build the wheel and the sdist, with a list of what the package depends on
	rm -rf dist
	$(BIN)/uv build --quiet --no-build-isolation --python $(BIN)/python
	$(BIN)/uv export --quiet --no-dev --format cyclonedx1.5 -o dist/netproof.cdx.json
	rm -f uv.lock

lab: install ## Start a lab and leave it running
	$(BIN)/netproof lab up

lab-down: install ## End the lab that `make lab` started
	$(BIN)/netproof lab down

test-lab: install ## Run the suites on the embedded lab: the main job
	$(BIN)/netproof test --cluster lab -n $(WORKERS) $(ARGS)

test-lab-flat: install ## The same on a lab that enforces nothing: the verdict is NOT ENFORCED
	$(BIN)/netproof test --cluster lab --dataplane flat -n $(WORKERS) $(ARGS)

test-calico: ## Run the suites on a kind cluster with Calico; it is removed afterwards
test-cilium: ## The same with Cilium
test-flannel: ## The same with Flannel, which enforces nothing, as its profile says
test-antrea: ## The same with Antrea
test-kube-router: ## The same with kube-router
test-kindnet: ## The same with kindnet, which comes with kind
test-weave: ## The same with Weave Net, which is archived upstream

CNIS := calico cilium flannel antrea kube-router kindnet weave
.PHONY: $(CNIS:%=test-%)
$(CNIS:%=test-%): test-%: $(VENV)/.installed
	$(BIN)/netproof test --cluster kind:$* -n $(KIND_WORKERS) $(ARGS)

fuzz-lab: install ## Try random policies on the lab until one shows a difference
	$(BIN)/netproof test fuzz --cluster lab --fuzz-examples 0 --fuzz-seed $${RANDOM} $(ARGS)

test-defects: install ## Run the suites against each defect of the lab; every one is found
	$(BIN)/python -m tests.defects.table

test-rights: install ## Run each command with its own rights only, and without each of them
	$(BIN)/python -m tests.rights.table

test-load: install ## Run cases beside busy loops, 40 times: no verdict may be false
	$(BIN)/python -m tests.load $(ARGS)

demo-bundle: install ## Check published policies on the lab: two promises are broken
	$(BIN)/python -m examples.demo

bench: install nft ## Measure speed as ratios to a floor, in one run
	$(BIN)/python -m benchmarks

clean: ## Remove what was built, measured and reported
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .grimp_cache .hypothesis .coverage reports dist site
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# uv where it is there; else the lock's own, which pip fetches; else pip alone. All check the hashes.
UV = $(or $(shell command -v uv),.venv/bin/uv) --no-python-downloads
PIP = .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps

.venv/.installed: $(LOCK) pyproject.toml
	@$(call python-fits)
	@if command -v uv >/dev/null; then $(UV) venv --quiet --clear --python $(PYTHON) .venv; \
	  elif ! $(UV) --version >/dev/null 2>&1; \
	  then $(venv-module) && $(PYTHON) -m venv --clear .venv && { $(uv-of-the-lock) || true; }; fi
	@if $(UV) --version >/dev/null 2>&1; then $(installed-by-uv); else $(installed-by-pip); fi
	@touch $@

define uv-of-the-lock
awk '/^[a-z]/ { mine = /^uv==/ } mine' $(LOCK) > .venv/uv.txt && $(PIP) --require-hashes -r .venv/uv.txt
endef

define installed-by-uv
$(UV) pip sync --quiet --python .venv/bin/python --require-hashes $(LOCK) && \
$(UV) pip install --quiet --python .venv/bin/python --offline --no-deps --no-build-isolation --editable .
endef

define installed-by-pip
$(PIP) --require-hashes -r $(LOCK) && $(PIP) --no-index --no-build-isolation --editable .
endef

# These are resolved at every call: what was newest yesterday may not be today.
.PHONY: resolve
resolve:
.venv-newest/.installed: RESOLUTION := highest
.venv-lowest/.installed: RESOLUTION := lowest-direct
.venv-newest/.installed .venv-lowest/.installed: .venv/.installed resolve
	@$(UV) venv --quiet --clear --python $(PYTHON) $(@D)
	@$(UV) pip install --quiet --python $(@D)/bin/python --upgrade --resolution $(RESOLUTION) --editable '.[dev]'
	@touch $@

# The site's tools, from a lock of their own; netproof itself is not among them.
.venv-docs/.installed: $(DOCS_LOCK) .venv/.installed
	@$(UV) venv --quiet --clear --python .venv/bin/python $(@D)
	@$(UV) pip sync --quiet --python $(@D)/bin/python --require-hashes $(DOCS_LOCK)
	@touch $@

define python-fits
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
  { echo "netproof needs Python 3.11 or later; name one: make PYTHON=python3.12 ..."; exit 1; }
endef

define venv-module
{ $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(call debian,python3-venv); }
endef

# The lab loads libnftables into its own process; the nft program is only measured against.
.PHONY: libnftables nft
libnftables:
	@$(PYTHON) -c 'import ctypes; ctypes.CDLL("libnftables.so.1")' 2>/dev/null || \
	  $(call debian,libnftables1)

nft: libnftables
	@command -v nft >/dev/null || test -x /usr/sbin/nft || $(call debian,nftables)
	@command -v ip >/dev/null || test -x /usr/sbin/ip || $(call debian,iproute2)

define debian
{ if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; \
  then apt-get update -q >/dev/null && apt-get install -y -q $(1) >/dev/null; \
  else echo "please install $(1) first, for example: sudo apt-get install $(1)"; exit 1; fi; }
endef
