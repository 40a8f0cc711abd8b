# `make` lists the targets. Everything they need goes into .venv, which is made on first use.

VENV := .venv
PY := $(VENV)/bin/python

.DEFAULT_GOAL := help
.PHONY: crash faults help run test check lint types docs proto check-docs screenshot conformance attacks fuzz bench bench-peers bench-nodes bench-many bench-workers clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

run: $(VENV)/.ready-run ## install the project into .venv and serve the chat page on http://127.0.0.1:8080
	@$(VENV)/bin/wsserver serve --host 127.0.0.1 --port 8080

test: $(VENV)/.ready-test ## install what tests need and run all of them, and what can differ on every other interpreter
	@.ci/browser
	@.ci/engines
	@.ci/everywhere $(PY)
	@$(PY) tests/conformance/run.py

check: lint types check-docs ## what CI runs besides the tests: style, types, generated documents

lint: $(VENV)/.ready-dev ## judge the style of the code with ruff
	$(PY) -m ruff check .

types: $(VENV)/.ready-dev ## judge the types with mypy --strict
	$(PY) -m mypy --strict

docs: $(VENV)/.ready-test ## write the generated documents anew
	$(PY) docs/generate.py

proto: $(VENV)-proto/.ready ## write the protobuf classes anew from wsserver/chat/wsserver.proto
	cd wsserver/chat && ../../$(VENV)-proto/bin/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. wsserver.proto

check-docs: $(VENV)/.ready-test ## see whether the generated documents are up to date
	$(PY) docs/generate.py --check

screenshot: $(VENV)/.ready-test ## take the README's picture anew, with a real browser
	@.ci/browser
	$(PY) docs/make_screenshot.py

conformance: $(VENV)/.ready-run ## run Autobahn's fuzzing client against /echo (CASES='1.*,2.*' for some, CASES=--all for all)
	$(PY) tests/conformance/run.py $(if $(CASES),'$(CASES)')

attacks: $(VENV)/.ready-test ## attack a server for some minutes, with more and longer; the figures go to reports/attacks.json
	ATTACKS=long $(PY) -m pytest -q tests/attacks

fuzz: $(VENV)/.ready-fuzz ## look for inputs that break a demand (SECONDS=60 for each target, TARGET=name for one)
	@$(PY) -m tests.fuzz.run --seconds $(or $(SECONDS),60) $(if $(TARGET),--target $(TARGET))

crash: $(VENV)/.ready-test ## kill 200 servers in the middle of their work, and judge what they have forgotten
	$(PY) -m tests.scenarios.crashing --rounds 200
	$(PY) -m tests.scenarios.crashing --rounds 50 --durability power

faults: $(VENV)/.ready-test ## take Redis and PostgreSQL away from two nodes under load, in every way, and judge what they keep (PAIRS=10)
	@.ci/engines
	$(PY) -m tests.scenarios.faults --pairs $(or $(PAIRS),10)

bench: $(VENV)/.ready-test ## measure the server against its goals, beside C and the best peers (needs cc; ROUNDS=5; some fifteen minutes)
	@$(PY) -m tests.bench.goals --rounds $(or $(ROUNDS),5) $(GOALS)

bench-peers: $(VENV)/.ready-test ## measure it beside other WebSocket servers, into docs/performance.md (ROUNDS=5; some ten minutes)
	@$(PY) tests/bench/peers/run.py --write --rounds $(or $(ROUNDS),5)

bench-nodes: $(VENV)/.ready-test ## measure what Redis and PostgreSQL between several processes cost (needs cc; ROUNDS=3; two minutes)
	@.ci/engines
	@$(PY) -m tests.bench.nodes --rounds $(or $(ROUNDS),3)

bench-workers: $(VENV)/.ready-test ## measure what a second worker costs, and Redis and PostgreSQL in place of the supervisor (needs cc; ROUNDS=5; five minutes)
	@.ci/engines
	@$(PY) -m tests.bench.workers --rounds $(or $(ROUNDS),5) $(CASES)

bench-many: $(VENV)/.ready-test ## put 50,000 clients on three workers (needs cc, 2 GB; CLIENTS=50000 WORKERS=3 CHANNELS=100; two minutes)
	@$(PY) -m tests.bench.many --clients $(or $(CLIENTS),50000) --workers $(or $(WORKERS),3) --channels $(or $(CHANNELS),100)

clean: ## remove environments, reports and caches
	rm -rf .venv .venv-3.* build reports wsserver.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# One environment in stages: to run, to test, to fuzz, to develop. pip decides what is missing; setup.cfg decides when to ask.
$(VENV)/bin/python:
	@set -- $$(.ci/interpreters | head -n 1) && [ -n "$$2" ] && echo "making $(VENV) with Python $$1 ..." && "$$2" -m venv $(VENV)

$(VENV)/.ready-run: setup.cfg pyproject.toml | $(VENV)/bin/python
	@echo "installing wsserver into $(VENV) ..."
	@$(PY) -m pip install -q -e . && touch $@

$(VENV)/.ready-test: setup.cfg pyproject.toml | $(VENV)/bin/python
	@echo "installing wsserver and what its tests need into $(VENV) ..."
	@$(PY) -m pip install -q -e '.[test]' && touch $@ $(VENV)/.ready-run

$(VENV)/.ready-dev: setup.cfg pyproject.toml | $(VENV)/bin/python
	@echo "installing wsserver and its developers' tools into $(VENV) ..."
	@$(PY) -m pip install -q -e '.[dev]' && touch $@ $(VENV)/.ready-run $(VENV)/.ready-test

$(VENV)/.ready-fuzz: setup.cfg pyproject.toml | $(VENV)/bin/python
	@echo "installing wsserver and the fuzzer into $(VENV) ..."
	@$(PY) -m pip install -q --only-binary atheris -e '.[fuzz]' && touch $@ $(VENV)/.ready-run $(VENV)/.ready-test || \
		{ echo "atheris could not be installed for $$($(PY) -V): it has wheels for CPython 3.11 to 3.14 on Linux x86-64." ; \
		echo "Set PYTHON to one of those after 'make clean'; or run the kept inputs alone: make test." ; exit 2 ; } >&2

# The compiler stands apart: what it writes runs on every newer protobuf, but it cannot be installed beside one.
$(VENV)-proto/.ready: | $(VENV)/bin/python
	$(PY) -m venv $(VENV)-proto && $(VENV)-proto/bin/python -m pip install -q 'grpcio-tools==1.62.3' 'setuptools<80' && touch $@
