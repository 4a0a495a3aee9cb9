# make demo    train, export, prove and classify on real data, from nothing
# make test    lint, types and tests
# Both make their virtual environments themselves; PYTHON=... names another interpreter for them.
VENV := .venv
BASE := .venv-base
BIN := $(VENV)/bin
export PYTHON

.PHONY: demo test lint types tests devices environment base-environment peers dataset shipped-models clean

demo: environment dataset
	@scripts/demo.sh $(BIN)

test: lint types tests

lint: environment
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: environment
	$(BIN)/mypy

tests: environment base-environment dataset
	@scripts/tests.sh $(BIN)

# The installed wheel on the boards' own userlands, emulated; FULL=1 asks all 10,000 test images. The userlands are kept
# in ~/.cache/fmnist-edge/devices. What cannot be had here is reported as not run.
devices: base-environment dataset
	@scripts/devices.sh $(BIN) $(if $(FULL),10000,1000)

environment:
	@scripts/environment.sh $(VENV) --editable '.[train,dev]'

# What a device gets: the built wheel and the base install, nothing else.
base-environment: environment
	@rm -rf build/wheel && $(BIN)/python -m build --wheel --outdir build/wheel . >/dev/null
	@scripts/environment.sh $(BASE) fmnist-edge --find-links build/wheel
	@$(BASE)/bin/pip install -qq --disable-pip-version-check --no-deps --force-reinstall build/wheel/*.whl

# Everything that the benchmarks set side by side, in one environment; each in a process of its own.
peers:
	@scripts/environment.sh .venv-peers --editable '.[train,litert,peers]'

dataset: environment
	@scripts/dataset.sh $(BIN)/python

# The recipes of the models inside the package; MODELS="cnn-nano" makes only those. Goes on where it was interrupted.
shipped-models: environment dataset
	@scripts/shipped_models.sh $(BIN) $(MODELS)

clean:
	rm -rf $(VENV) $(BASE) .venv-peers build dist demo .mypy_cache .pytest_cache .ruff_cache .hypothesis
