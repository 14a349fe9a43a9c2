# Each verb sets up what it needs: uv from PyPI, the virtual environment from uv.lock, and the Go tools from deploy/local/tools.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

UV_VERSION := 0.13.9
PYTHON ?= python3
WORKERS ?= 2
CLUSTER ?= one-node
CLUSTER_TESTS := tests/e2e tests/cluster
# All tests share one kind cluster, so they run in one process.
CLUSTER_WORKERS = $(if $(filter kind,$(CLUSTER)),0,$(WORKERS))
CACHE := $(or $(INGESTION_CACHE_DIR),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/ingestion-operator)
UV := $(CACHE)/uv-$(UV_VERSION)/bin/uv
RUN := $(UV) run --frozen --no-sync
# What mypy knows about the libraries, for a checkout that it has not seen yet: most of its time goes there.
MYPY_SEED := $(CACHE)/mypy/$(shell sha256sum uv.lock | cut -c 1-16)
PROSE := *.md docs samples operator handlers deploy benchmarks tests
VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' operator/ingestion_operator/__init__.py)

# The tests start hundreds of Python processes. Without compiled modules each would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-cluster chaos faults lint fmt generate bench clean playground playground-down venv tools helm image kind kind-down kind-tool

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

demo: venv tools  ## Run the main job for real, on this machine (KEEP=1 keeps it running)
	@$(RUN) python -m ingestion_local.demo $(if $(KEEP),--keep)

test: $(if $(LINTED),venv,lint) tools helm kind-tool  ## Lint (not with LINTED=yes), then run every test: unit, program, integration, e2e (WORKERS=2 processes, each with its own cluster and AWS)
	$(RUN) pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-cluster: venv $(if $(filter kind,$(CLUSTER)),kind-tool)  ## Run the e2e tests with the operator as the chart's pod, in a one-node cluster (root, Debian) or a kind cluster (CLUSTER=kind; docker, podman)
	$(RUN) pytest --numprocesses $(CLUSTER_WORKERS) --dist loadfile --cluster=$(CLUSTER) $(CLUSTER_TESTS) $(ARGS)

chaos: venv tools  ## Kill the operator, the CLI and the provider at random while pipelines change (SEED=n repeats a run, ROUNDS=n, CLUSTER=one-node: as a pod)
	@mkdir -p .local/chaos
	CHAOS_SEED=$(SEED) CHAOS_ROUNDS=$(or $(ROUNDS),20) $(RUN) pytest tests/chaos --log-cli-level=INFO --basetemp=.local/chaos/$(or $(SEED),new) \
		$(if $(filter command line environment,$(origin CLUSTER)),--cluster=$(CLUSTER)) $(ARGS)

faults: venv tools  ## Let each call to AWS and to the API server go wrong in each way, and measure leaks (takes an hour; ARGS="-k throttle" selects rows)
	FAULTS=all $(RUN) pytest tests/faults --numprocesses 0 $(ARGS)

lint: venv  ## Check formatting, ruff, mypy, import contracts, generated files and prose
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	@[ -d .mypy_cache ] || [ ! -d $(MYPY_SEED) ] || cp -r $(MYPY_SEED) .mypy_cache || rm -rf .mypy_cache
	$(RUN) mypy
	@[ -d $(MYPY_SEED) ] || { rm -rf $(CACHE)/mypy; mkdir -p $(CACHE)/mypy; made=$$(mktemp -d $(CACHE)/mypy/.XXXXXX); \
		cp -r .mypy_cache/. $$made && mv -T $$made $(MYPY_SEED) || rm -rf $$made; }
	$(RUN) lint-imports
	$(RUN) python -m ingestion_operator.generate --check
	$(RUN) rumdl check --no-cache --quiet $(PROSE)
	vale=$$($(RUN) python -m ingestion_local.toolchain vale) && "$${vale#vale }" --no-global --output=line $(PROSE)

fmt: venv  ## Format code and pages, and fix what ruff and rumdl can fix
	$(RUN) ruff format .
	$(RUN) ruff check --fix .
	$(RUN) rumdl fmt --no-cache --quiet $(PROSE)

generate: venv helm  ## Write crds/, the reference pages and parts of the chart from the models, and deploy/rbac.yaml from the chart
	$(RUN) python -m ingestion_operator.generate
	$(RUN) python -m ingestion_local.chart

bench: venv tools  ## Measure the queue, and compare reconciles with the stock Automation API sequence, in one run
	$(RUN) python benchmarks/due_keys.py
	$(RUN) python benchmarks/reconcile.py

playground: venv  ## Start a control plane and an emulator that keep running (playground-down stops them)
	@$(RUN) ingestion-local up

playground-down: venv
	@$(RUN) ingestion-local down

image: venv  ## Build the image and its bill of materials with docker, podman or buildah (IMAGE=name:tag, BUILD_ARGS=...)
	@$(RUN) python -m ingestion_local.image $(UV) $(or $(IMAGE),ingestion-operator:$(VERSION)) $(BUILD_ARGS)

kind: venv  ## Create a kind cluster with the operator and an emulated AWS (IMAGE=, NODE_IMAGE=, KIND_CLUSTER=, BUILD_ARGS=); needs docker or podman
	@$(RUN) python -m ingestion_local.kind up $(UV) $(if $(KIND_CLUSTER),--name $(KIND_CLUSTER)) $(if $(IMAGE),--image $(IMAGE)) \
		$(if $(NODE_IMAGE),--node-image $(NODE_IMAGE)) -- $(BUILD_ARGS)

kind-down: venv
	@$(RUN) python -m ingestion_local.kind down $(if $(KIND_CLUSTER),--name $(KIND_CLUSTER))

clean:  ## Delete what was built in this checkout (the tool cache stays: $(CACHE))
	rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

venv: .venv/.synced

.venv/.synced: pyproject.toml uv.lock | $(UV)
	@$(UV) sync --frozen --quiet --python $(PYTHON)
	@touch $@

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: set PYTHON=" >&2; exit 1; }
	@echo "installing uv $(UV_VERSION) into $(CACHE)"
	@$(PYTHON) -m venv $(CACHE)/uv-$(UV_VERSION) && $(CACHE)/uv-$(UV_VERSION)/bin/pip install --quiet uv==$(UV_VERSION)

tools: venv
	@$(RUN) python -m ingestion_local.toolchain

helm: venv
	@$(RUN) python -m ingestion_local.toolchain helm

kind-tool: venv
	@$(RUN) python -m ingestion_local.toolchain kind
