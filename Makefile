# Every target sets up what it needs: a virtual environment, and (as root, on Debian) the one
# system library that the lab needs. `make help` lists them.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
WORKERS ?= auto
# Every worker has a fleet of pods of its own, and all of them run on this machine's containers.
KIND_WORKERS ?= 2
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help install check test lab lab-down test-lab test-lab-flat fuzz-lab test-defects demo-bundle bench clean

help: ## Say what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/.installed libnftables ## Set up the virtual environment and the system library

check: .venv/.installed ## Format, lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: install ## Prove that the harness tells the truth
	$(PYTEST) tests -n $(WORKERS) --dist worksteal $(ARGS)

lab: install ## Start a lab and leave it running
	$(BIN)/netproof lab up

lab-down: install ## End the lab that `make lab` started
	$(BIN)/netproof lab down

test-lab: install ## Run the suites on the embedded lab: the main job
	$(PYTEST) suites --cluster lab -n $(WORKERS) $(ARGS)

test-lab-flat: install ## The same on a lab that enforces nothing: the verdict is NOT ENFORCED
	$(PYTEST) suites --cluster lab --dataplane flat -n $(WORKERS) $(ARGS)

test-calico: ## Run the suites on a kind cluster with Calico; it is removed afterwards
test-cilium: ## The same with Cilium
test-flannel: ## The same with Flannel, which enforces nothing, as its profile says
test-antrea: ## The same with Antrea
test-kube-router: ## The same with kube-router
test-kindnet: ## The same with kindnet, which comes with kind
test-weave: ## The same with Weave Net, which is archived upstream

CNIS := calico cilium flannel antrea kube-router kindnet weave
.PHONY: $(CNIS:%=test-%)
$(CNIS:%=test-%): test-%: .venv/.installed
	$(PYTEST) suites --cluster kind:$* -n $(KIND_WORKERS) $(ARGS)

fuzz-lab: install ## Try random policies on the lab until one shows a difference
	$(PYTEST) suites/fuzz --cluster lab --fuzz-examples 0 --fuzz-seed $${RANDOM} -o faulthandler_timeout=0 $(ARGS)

test-defects: install ## Run the suites against each defect of the lab; every one is found
	$(BIN)/python -m tests.defects.table

demo-bundle: install ## Check published policies on the lab: two promises are broken
	$(BIN)/python -m examples.demo

bench: install nft ## Measure speed as ratios to a floor, in one run
	$(BIN)/python -m benchmarks

clean: ## Remove what was built, measured and reported
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis reports dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "netproof needs Python 3.11 or later; name one: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv .venv || \
	  { echo "Python lacks its venv module; on Debian: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

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
