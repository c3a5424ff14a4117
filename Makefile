# Everything installs itself from the hash-locked files in requirements/; nothing else is needed.
PYTHON ?= python3
BIN := .venv/bin
WITH_PIP := python -m pip --disable-pip-version-check --quiet
PIP := $(BIN)/$(WITH_PIP)
PEERS := .cache/peers
LOCAL := .cache/local
SITE := 'import sysconfig; print(sysconfig.get_path("purelib"))'
DATA ?= ../shared/data

.PHONY: help run test check format docs audit release lock bench-quality bench-speed bench-grounding storm clean
.DEFAULT_GOAL := help

help:  ## Show the targets.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-14s %s\n", $$1, $$2}'

run: .venv/.run  ## Install, start everything, print the address and a one-time sign-in link.
	@exec $(BIN)/citewell serve

test: .venv/.dev $(LOCAL)/.done  ## Install what the tests need, run all of them.
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations 30
	$(LOCAL)/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests/local
	node --test tests/page/

check: .venv/.dev  ## Lint, types, import contracts, and documentation that is current.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/write_reference.py --check

format: .venv/.dev  ## Format the code.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: .venv/.dev  ## Write the reference from the code.
	$(BIN)/python scripts/write_reference.py

bench-quality: .venv/.dev  ## Measure retrieval and answers; DATA=folder of other sets.
	$(BIN)/python -m benchmarks.quality --data $(DATA)
	$(BIN)/python -m benchmarks.report

bench-speed: .venv/.dev $(PEERS)/.done  ## Measure speed beside the peers; writes JSON.
	$(BIN)/python -m benchmarks.speed --data $(DATA) --peers $(PEERS)/bin/python
	$(BIN)/python -m benchmarks.report

bench-grounding: .venv/.dev  ## Measure what the checks of written sentences stop, and what wrongly.
	$(BIN)/python -m benchmarks.grounding --data $(DATA)
	$(BIN)/python -m benchmarks.report

audit: .venv/.dev  ## Known weaknesses of what is locked, installed and written.
	$(BIN)/python -m scripts.audit

release: .venv/.dev  ## Wheel, sdist, SBOM and checksums in dist, tried in an empty environment.
	$(BIN)/python scripts/release.py

storm: .venv/.dev  ## Run the security tests in their full size; writes JSON.
	$(BIN)/python -m benchmarks.storm; code=$$?; $(BIN)/python -m benchmarks.report; exit $$code

lock: .venv/.dev  ## Lock the newest releases that fit, with hashes.
	$(BIN)/python scripts/lock.py

clean:  ## Remove what was installed and built; documents stay.
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Citewell needs Python 3.11 or newer." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv

.venv/.run: requirements/build.txt requirements/run.txt pyproject.toml | .venv/bin/python
	$(PIP) install --require-hashes -r requirements/build.txt -r requirements/run.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: .venv/.run requirements/dev.txt
	$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

# On top of .venv, which stays free of torch: only what the extra `local` adds. Torch comes last and by its
# exact version, when all else that it needs is there: its build for the CPU is enough.
$(LOCAL)/.done: .venv/.dev requirements/local.txt
	rm -rf $(LOCAL)
	$(BIN)/python -m venv $(LOCAL)
	below=$$($(BIN)/python -c $(SITE)) && above=$$($(LOCAL)/bin/python -c $(SITE)) \
		&& echo "import site; site.addsitedir('$$below')" > "$$above/citewell.pth"
	$(LOCAL)/bin/$(WITH_PIP) install --no-deps --require-hashes -r requirements/local.txt
	$(LOCAL)/bin/$(WITH_PIP) install torch==2.13.0
	@touch $@

# Torch first, by its exact version: the CPU build is enough for the peer that needs it.
$(PEERS)/.done: benchmarks/speed/peers.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip --disable-pip-version-check --quiet install torch==2.13.0
	$(PEERS)/bin/python -m pip --disable-pip-version-check --quiet install -r $<
	@touch $@
