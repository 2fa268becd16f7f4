# Thin: each target calls the package. A newcomer needs `make report`, a contributor `make test`.
#
#   make report            the demo business, read in, and its four reports in out/     (DATA=folder: your own tables)
#   make test              everything that holds the house together                     (again=1: also if nothing changed)
#   make lab, make apps    JupyterLab, or the notebooks as apps, on this machine
#   make bench             the engine against others, as ratios from one run

DATA ?= data/demo
OUT ?= out
NOTEBOOKS := market_analysis user_profiling funnel_diagnosis evaluation_report
VENV := .venv
BIN := $(VENV)/bin
RIGHT_PYTHON := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON := $(shell for python in python3.13 python3.12 python3.11 python3; do \
	if $$python -c '$(RIGHT_PYTHON)' >/dev/null 2>&1; then echo $$python; break; fi; done)

SOURCES := $(shell find opsnb -type f -not -path '*/__pycache__/*') pyproject.toml
JUPYTER := $(shell find opsnb/views/jupyter/share opsnb/views/jupyter/etc -type f)
TESTS := $(shell find tests notebooks params -type f -not -path '*/__pycache__/*' -not -path '*/.ipynb_checkpoints/*') data/README.md Makefile
TABLES := $(shell find $(DATA) -type f -not -path '*/.opsnb/*' -not -path '*/rejected/*' -not -name '* *' 2>/dev/null)

.PHONY: report test lab apps bench
.DELETE_ON_ERROR:

# One stamp for each data folder; a report that another run has replaced since is newer than it.
MADE := $(OUT)/.made-$(subst /,_,$(DATA))

report: $(MADE)
	@if [ -e $(OUT)/.just-made ]; then rm $(OUT)/.just-made; else \
		echo "Nothing has changed since these reports were made:"; $(BIN)/opsnb runs --out $(OUT) --last $(words $(NOTEBOOKS)); fi

# Exit status 1 means that it ran but rows were set aside or something was not measured: the report says so itself.
$(MADE): $(VENV)/.package $(SOURCES) $(wildcard notebooks/*.ipynb) $(TABLES) $(wildcard $(NOTEBOOKS:%=$(OUT)/%/run.json))
	@if [ "$(DATA)" = data/demo ] && [ ! -e data/demo/truth.json ]; then $(BIN)/opsnb demo data/demo; fi
	@echo "Checking $(DATA) and reading it into its store"
	@$(BIN)/opsnb ingest "$(DATA)" || [ $$? -eq 1 ]
	@echo "Running the notebooks: $(NOTEBOOKS)"
	@$(BIN)/opsnb run $(NOTEBOOKS) --data "$(DATA)" --out "$(OUT)" || [ $$? -eq 1 ]
	@touch "$(MADE)" "$(OUT)/.just-made"

test: $(VENV)/.tested
	@echo "All tests have passed on what is here. (make test again=1 runs them again)"

ifdef again
.PHONY: $(VENV)/.tested
endif
$(VENV)/.tested: $(VENV)/.package $(SOURCES) $(TESTS)
	@sh .ci/browser
	@if [ ! -e data/demo/truth.json ]; then $(BIN)/opsnb demo data/demo; fi
	$(BIN)/ruff check
	$(BIN)/python -m pytest -n 2 --dist loadfile --ignore=tests/browser
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/browser
	$(BIN)/python -m pytest --nbval-lax notebooks
	@touch $@

lab: $(VENV)/.package
	$(BIN)/opsnb lab

apps: $(VENV)/.package
	$(BIN)/opsnb apps

bench: $(VENV)/.package
	$(BIN)/python -m tests.bench.run

# Set-up: once, and again when what is required changes.
$(VENV)/.dependencies: requirements.txt
	@if [ -z "$(PYTHON)" ]; then echo "No Python 3.11 to 3.13 with venv here. On Debian: sudo apt-get install -y python3 python3-venv"; exit 2; fi
	@echo "Setting up $(VENV) with $(PYTHON): $$(grep -c == requirements.txt) packages, some minutes once"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --progress-bar on --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.package: $(VENV)/.dependencies pyproject.toml $(JUPYTER)
	@echo "Installing opsnb itself into $(VENV)"
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps -e .
	@touch $@
