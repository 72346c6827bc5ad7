# The one entry point. `make` alone prints what there is.
STACK ?= local
PYTHON ?= python3
CACHE := $(if $(filter 0,$(shell id -u)),/var/cache,$(or $(XDG_CACHE_HOME),$(HOME)/.cache))/nebula
# Relative: a clone's path may hold a space. Not .venv/bin/pip and its like: their first line may not.
VENV_PYTHON := .venv/bin/python
NEBULA = $(VENV_PYTHON) -m infra.engine
# A cluster, and the equipment that stands it up; the manifests are judged by `test` as well.
KUBERNETES_TESTS := tests/standin tests/testbed tests/e2e/kubernetes
# Minutes each: a stack on a site's own servers, a month of flights that goes and comes back on the full stack, and
# engines without keys.
LONG_TESTS := tests/e2e/test_external.py tests/e2e/test_flights_months.py tests/e2e/keyless
# What starts real servers, the real engine, downloads or builds for seconds: `test-fast` leaves it out.
REAL_TESTS := tests/e2e tests/bench/test_programs.py tests/infra/previews tests/policy/test_advice.py tests/policy/test_engine.py \
	tests/apps/pipelines/flights/test_tables.py \
	tests/apps/projections/generations $(patsubst %,tests/apps/projections/test_%.py,changed_stream chaos flights resharding service two_workers) \
	$(patsubst %,tests/apps/provisioner/test_%.py,check iceberg_catalog kafka keycloak nats object_store postgres) \
	$(patsubst %,tests/infra/engine/test_%.py,costs drift engine_runs lifetime_command power reading session sweep_command) \
	$(patsubst %,tests/providers/%.py,aws/test_sweep kubernetes/test_manifests kubernetes/test_tenancy) \
	$(patsubst %,tests/providers/local/artifacts/test_%.py,apps go install intercepting_proxy) \
	$(patsubst %,tests/providers/local/plugin/test_%.py,executable host ownership parked process secret task)
# A module of tests is never split: not by loadgroup, which does nothing with pytest 9.2 and xdist 3.8
# (findings/xdist-groups-are-not-kept-together.sh). tests/side_by_side.py says how many processes there are, and
# which modules come first. Each process holds the SDKs of three clouds, about a GiB.
SIDE_BY_SIDE := -n logical --maxprocesses 4 --dist loadfile
# What a change is compared with.
BASE ?= origin/main
# A switch is on (1) or off (0, or nothing). Any other word would pass for off: `down KEEP_DATA=yes` would delete data.
SWITCHES := KEEP_DATA NEBULA_KEEP_DATA DELETE DRY_RUN FOLLOW DIFF FRESH LONG UPGRADE REAL_PLUGINS
$(foreach each,$(SWITCHES),$(if $(filter-out 0 1,$($(each)))$(word 2,$($(each))),$(error \
	$(each)=$($(each)) is neither on nor off: say $(each)=1 or $(each)=0. Nothing was done)))
export COMPONENT FOLLOW DIFF FRESH LONG CONFIRM
# One that is exported counts where KEEP_DATA is not given.
NEBULA_KEEP_DATA := $(strip $(if $(strip $(KEEP_DATA)),$(KEEP_DATA),$(NEBULA_KEEP_DATA)))
export NEBULA_KEEP_DATA
export PIP_CACHE_DIR := $(CACHE)/pip
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# pip does not read SSL_CERT_FILE.
export PIP_CERT := $(or $(PIP_CERT),$(SSL_CERT_FILE),$(REQUESTS_CA_BUNDLE),$(CURL_CA_BUNDLE))
# Without byte code every start of Python compiles Pulumi's SDK anew: four times slower. A "." in
# PYTHONPATH is infra/ where the program runs, and its modules are found from the root.
unexport PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME

CHAOS_OPTIONS = $(addprefix --kills ,$(KILLS)) $(addprefix --seed ,$(SEED))

.PHONY: help up preview refresh drift down status logs outputs env images plugins test test-fast test-long test-kubernetes chaos lint style types format bench portability lock outdated schema snapshot pr-report clean sweep park-expired
.DEFAULT_GOAL := help

help: ## This list
	@echo "make <target> [STACK=$(STACK)]"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { gsub(/[$$][$$]/, "$$", $$2); printf "  %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

up: .venv/installed ## Stand the platform up, or bring it to what the stack file says
	@$(NEBULA) up --stack "$(STACK)"

preview: .venv/installed ## What `up` would change (DIFF=1 for every property)
	@$(NEBULA) preview --stack "$(STACK)"

refresh: .venv/installed ## Bring the state to what really runs
	@$(NEBULA) refresh --stack "$(STACK)"

drift: .venv/installed ## Fail when what runs, the state and the stack file differ, and show where
	@$(NEBULA) drift --stack "$(STACK)"

down: .venv/installed ## Destroy the stack (KEEP_DATA=1 keeps its data and secrets)
	@$(NEBULA) down --stack "$(STACK)"

status: .venv/installed ## Each server: state, address, memory, uptime
	@$(NEBULA) status --stack "$(STACK)"

logs: .venv/installed ## The last lines of COMPONENT=<name> (FOLLOW=1 goes on)
	@$(NEBULA) logs --stack "$(STACK)"

outputs: .venv/installed ## Endpoints and credentials as JSON (make -s outputs)
	@$(NEBULA) outputs --stack "$(STACK)"

env: .venv/installed ## What a shell needs to call pulumi itself: eval "$$(make -s env)"
	@$(NEBULA) env --stack "$(STACK)"

sweep: .venv/installed ## What a destroyed stack left in its cloud, with its cost (DELETE=1 deletes it)
	@$(VENV_PYTHON) -m infra.sweep --stack "$(STACK)" $(if $(filter 1,$(DELETE)),--delete)

park-expired: .venv/installed ## Park each stack whose ttl is past, or STACK alone (DRY_RUN=1 lists them)
	@$(VENV_PYTHON) -m infra.lifetime $(if $(filter file,$(origin STACK)),,--stack "$(STACK)") $(if $(filter 1,$(DRY_RUN)),--dry-run)

images: .venv/installed ## The container images of the stack: source, tab, name below its mirror
	@$(VENV_PYTHON) -m infra.images --stack "$(STACK)"

plugins: .venv/installed ## The provider plugins of the stack: name, version, archive, installed or missing
	@$(VENV_PYTHON) -m infra.plugins --stack "$(STACK)"

# Types are checked beside the tests, which wait for servers; the rest of `lint` says in seconds what is wrong.
test: style ## Lint, types, import contracts, unit, contract and end-to-end tests
	@$(VENV_PYTHON) -m providers.local.artifacts install
	@$(VENV_PYTHON) -m tests.testbed build --api-only
	@$(MAKE) --no-print-directory --jobs=2 types all-tests

.PHONY: all-tests
all-tests:
	@unset MAKEFLAGS MFLAGS MAKELEVEL; variables=$$($(NEBULA) test-env) && eval "$$variables" && \
		$(VENV_PYTHON) -m pytest $(SIDE_BY_SIDE) --durations=40 --durations-min=2 \
		tests $(addprefix --ignore=,$(KUBERNETES_TESTS) $(LONG_TESTS))

test-fast: lint ## Of `test` what starts no real server or engine: for each save
	@$(VENV_PYTHON) -m pytest $(SIDE_BY_SIDE) --quiet tests $(addprefix --ignore=,$(KUBERNETES_TESTS) $(REAL_TESTS))

test-long: .venv/installed ## What `test` leaves out: a site's own servers, months of flights, engines without keys
	@$(VENV_PYTHON) -m providers.local.artifacts install
	@variables=$$($(NEBULA) test-env) && eval "$$variables" && $(VENV_PYTHON) -m pytest $(LONG_TESTS)

test-kubernetes: .venv/installed ## The platform on the cluster of KUBECONFIG, or on a testbed (as root)
	@[ -n "$$KUBECONFIG" ] || $(VENV_PYTHON) -m tests.testbed build
	@variables=$$($(NEBULA) test-env) && eval "$$variables" && $(VENV_PYTHON) -m pytest $(KUBERNETES_TESTS)

chaos: .venv/installed ## Kill projection workers and NATS 1,000 times, and compare (KILLS=n, SEED=n)
	@$(VENV_PYTHON) -m providers.local.artifacts install nats
	@$(VENV_PYTHON) -m tests.apps.projections.chaos $(CHAOS_OPTIONS)

lint: style types ## Style, types, import contracts and workflows

style: .venv/installed
	@$(VENV_PYTHON) -m ruff check .
	@$(VENV_PYTHON) -m ruff format --check .
	@$(VENV_PYTHON) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'
	@$(VENV_PYTHON) -m tests.workflows

types: .venv/installed
	@$(VENV_PYTHON) -m mypy

format: .venv/installed ## Rewrite the code in the project's style
	@$(VENV_PYTHON) -m ruff check --fix .
	@$(VENV_PYTHON) -m ruff format .

bench: .venv/installed ## Measure, print a table, write build/bench.json (FRESH=1: empty caches too; LONG=1: 10 million events)
	@variables=$$($(NEBULA) test-env) && eval "$$variables" && $(VENV_PYTHON) -m tests.bench

portability: .venv/installed ## What differs between two clouds: code, files that name one, stack files
	@$(VENV_PYTHON) -m tools.portability

pr-report: .venv/installed ## What this checkout changes in every stack, against BASE, as Markdown: build/pr-report.md
	@$(VENV_PYTHON) -m infra.previews --base "$(BASE)" $(if $(filter 1,$(REAL_PLUGINS)),--real-plugins) --output build/pr-report.md

lock: .venv/installed ## Renew every lock: Python, software table, Go, image digests (UPGRADE=1: newer packages that nobody names)
	@$(VENV_PYTHON) -m infra.versions lock $(if $(filter 1,$(UPGRADE)),--upgrade)

outdated: .venv/installed ## What has newer releases in the registries, and where it is pinned
	@$(VENV_PYTHON) -m infra.versions outdated

schema: .venv/installed ## Renew stacks/platform.schema.json after a change of infra/settings.py
	@$(VENV_PYTHON) -m infra.settings > stacks/platform.schema.json

snapshot: .venv/installed ## Renew the snapshots of URNs, which are public API, and of manifests
	@$(VENV_PYTHON) -m tests.infra.test_local_stack
	@$(VENV_PYTHON) -m tests.infra.test_kubernetes_stack
	@$(VENV_PYTHON) -m tests.infra.test_aws_stack
	@$(VENV_PYTHON) -m tests.infra.test_gcp_stack
	@$(VENV_PYTHON) -m tests.infra.costs.sizes

clean: ## Remove the cache, .venv and .nebula; refused while a stack is up
	@if [ -x $(VENV_PYTHON) ] && [ -e .venv/installed ]; then $(NEBULA) clean --stack "$(STACK)"; \
	else rm -rf .venv; fi

# The stamp comes last: an interrupted installation is done again. Byte code is left to the first
# import: compiling the cloud SDKs whole takes longer than fetching them. The lock names every package.
INSTALL_LOG := .venv/install.log
.venv/installed: requirements.lock
	@$(PYTHON) infra/engine/preflight.py "$(CACHE)" 1>&2
	@umask 022 && $(PYTHON) -m venv .venv 1>&2
	@umask 022 && $(PYTHON) -m infra.engine.install_packages requirements.lock $(INSTALL_LOG) \
		$(VENV_PYTHON) -m pip install --progress-bar off --no-compile --no-deps --require-hashes --requirement requirements.lock
	@touch $@
