# Everything a developer or a build server runs. `make demo` and `make test` need nothing prepared on
# Debian 12: they install what is missing (packages as root, Python modules into .venv).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Compiled modules are kept, whatever the environment says: without them pytest rewrites every test anew, and an
# agent takes twice as long to start.
unexport PYTHONDONTWRITEBYTECODE

# The distribution's own Python first: it is what most users run.
PYTHON ?= $(shell for python in /usr/bin/python3 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$python && exit; done; echo python3)
BIN := .venv/bin
DEMO_FLAGS ?=
PYTEST_FLAGS ?=
SCHEDULES ?= 100000
FIRST_SEED = $(shell date +%s)000000

# Programs (or a file by its path), each with the Debian package that brings it.
PYTHON_PROGRAMS := python3:python3 python3-venv:python3-venv
ZOOKEEPER_FILES := java:default-jre-headless /usr/share/java/zookeeper.jar:zookeeper
DEMO_PROGRAMS := $(PYTHON_PROGRAMS) etcd:etcd-server ip:iproute2 nft:nftables
TEST_PROGRAMS := $(DEMO_PROGRAMS) etcdctl:etcd-client $(ZOOKEEPER_FILES) keepalived:keepalived \
	/usr/lib/frr/vrrpd:frr openssl:openssl dnsmasq:dnsmasq-base mkfs.ext4:e2fsprogs fsfreeze:util-linux losetup:mount systemd-analyze:systemd \
	linux.uml:user-mode-linux modprobe:kmod ipvsadm:ipvsadm

# Tests of what all share: networks, a kernel, servers.
SHARED := root or etcd or zookeeper or ipvs or uml
# The others share nothing, and run side by side.
SIDE_BY_SIDE := --numprocesses auto --dist worksteal
# These mostly wait for leases to end; with more than two at once, some of them ask too much of two processors. A file
# stays together, for the sake of the lab that its tests share; those marked `long` begin first, or the last of them would
# run alone.
TWO_AT_ONCE := --numprocesses 2 --dist loadfile --no-loadscope-reorder
# What `make check` has time for. `make test` runs 10000 schedules, with the rules left out one by one besides, of VRRP 600
# and 300 of groups, and 100 examples of each property.
CHECK_SCHEDULES ?= 500
CHECK_VRRP_SCHEDULES ?= 150
CHECK_EXAMPLES ?= 40

.PHONY: help demo test check bench soak docs format lint types venv demo-packages system-packages clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 18

demo: demo-packages .venv/.stamp-run  ## three agents, one real etcd, one VIP, and failovers to watch (root)
	$(BIN)/vipkeeper demo $(DEMO_FLAGS)

test: system-packages lint types  ## everything: lint, types, all tests with real stores, kernel, faults (root)
	$(BIN)/pytest $(SIDE_BY_SIDE) -m "not bench and not ($(SHARED))" $(PYTEST_FLAGS)
	$(BIN)/pytest $(TWO_AT_ONCE) -m "not bench and ($(SHARED))" $(PYTEST_FLAGS)

check: lint types  ## lint, types, and the tests that need neither root nor a server
	VIPKEEPER_SCHEDULES=$(CHECK_SCHEDULES) VIPKEEPER_VRRP_SCHEDULES=$(CHECK_VRRP_SCHEDULES) \
		VIPKEEPER_EXAMPLES=$(CHECK_EXAMPLES) $(BIN)/pytest $(SIDE_BY_SIDE) \
		-m "not bench and not slow and not ($(SHARED))" $(PYTEST_FLAGS)

bench: system-packages .venv/.stamp-test  ## the figures in docs/figures.md, measured here; also in .cache/figures.json (root)
	VIPKEEPER_FIGURES=.cache/figures.json $(BIN)/pytest -m bench -s $(PYTEST_FLAGS) tests/bench

soak: .venv/.stamp-test  ## SCHEDULES (100000) random schedules from FIRST_SEED on (other ones each time)
	$(BIN)/python -m tests.simulation.hunt --from $(FIRST_SEED) --count $(SCHEDULES)

docs: .venv/.stamp-docs  ## the documentation as a site, in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

lint: .venv/.stamp-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.stamp-test
	$(BIN)/mypy

format: .venv/.stamp-test  ## put the code into the project's layout
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

venv: .venv/.stamp-test  ## the virtual environment with what the tests need

demo-packages:
	@PYTHON=$(PYTHON) .ci/install-packages $(DEMO_PROGRAMS)

system-packages:  ## the Debian packages that the tests need
	@PYTHON=$(PYTHON) .ci/install-packages $(TEST_PROGRAMS)

clean:  ## remove what was built or cached here
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis site build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/pip:
	@PYTHON=$(PYTHON) .ci/install-packages $(PYTHON_PROGRAMS)
	$(PYTHON) -m venv .venv

# Stamps are inside .venv, so that removing it removes them.
.venv/.stamp-run: pyproject.toml | .venv/bin/pip
	$(BIN)/pip install --quiet --use-pep517 --config-settings editable_mode=compat --editable .
	touch $@

.venv/.stamp-test: pyproject.toml | .venv/bin/pip
	$(BIN)/pip install --quiet --use-pep517 --config-settings editable_mode=compat --editable '.[test]'
	touch $@ .venv/.stamp-run

.venv/.stamp-docs: pyproject.toml | .venv/bin/pip
	$(BIN)/pip install --quiet --use-pep517 --config-settings editable_mode=compat --editable '.[docs]'
	touch $@
