# make demo    train, export, prove and classify on real data, from nothing
# make check   lint, types and the fast tests: two minutes
# make test    lint, types and all tests: a quarter of an hour
# make wheel   what a device installs: dist/fmnist_edge-*.whl
# They make their virtual environments themselves; PYTHON=... names another interpreter for them.
VENV := .venv
BASE := .venv-base
BIN := $(VENV)/bin
PACKAGES := train/fmnist_train keras_models/fmnist_keras export/fmnist_export runtime/fmnist_runtime \
    benchmarks/fmnist_benchmarks deploy/fmnist_deploy
# What the wheel is made from. The folders are in it too, so that a file that is removed counts as a change.
SOURCES := pyproject.toml README.md LICENSE NOTICE $(shell find $(PACKAGES) -name __pycache__ -prune -o -print)
export PYTHON

.PHONY: demo check test lint types tests devices environment base-environment peers dataset wheel sdist dist \
    shipped-models clean

demo: environment dataset
	@scripts/demo.sh $(BIN)

check: lint types base-environment dataset
	@scripts/tests.sh $(BIN) fast

test: lint types tests

lint: environment
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: environment
	$(BIN)/mypy

tests: environment base-environment dataset
	@scripts/tests.sh $(BIN)

# The installed wheel on the boards' own userlands, emulated; FULL=1 asks all 10,000 test images. The userlands are kept
# in build/cache, where the tests look for them. What is unavailable here is reported as not run.
devices: export XDG_CACHE_HOME := $(CURDIR)/build/cache
devices: base-environment dataset
	@scripts/devices.sh $(BIN) $(if $(FULL),10000,1000)

environment:
	@scripts/environment.sh $(VENV) --editable '.[train,dev]'

# What a device gets: the built wheel and the base install, nothing else. Made again when a source has changed.
base-environment: environment $(BASE)/.wheel

$(BASE)/.wheel: build/wheel/.built
	@scripts/environment.sh $(BASE) fmnist-edge --find-links build/wheel
	@$(BASE)/bin/pip install -qq --disable-pip-version-check --no-deps --force-reinstall build/wheel/*.whl
	@touch $@

build/wheel/.built: $(SOURCES) constraints.txt | environment
	@rm -rf build/wheel && $(BIN)/python -m build --no-isolation --wheel --outdir build/wheel . >/dev/null
	@touch $@

wheel: environment
	@$(BIN)/python -m build --no-isolation --wheel --outdir dist .

sdist: environment
	@$(BIN)/python -m build --no-isolation --sdist --outdir dist .

dist: sdist wheel

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
