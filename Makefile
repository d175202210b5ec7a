# The two commands of the README are `make demo` and `make test`; both set everything up first.
#
#   PYTHON            the Python that makes .venv: one of those that pyproject.toml names
#   TORCH_INDEX_URL   where torch comes from, to choose a CPU or a CUDA build; empty: where pip
#                     gets everything else
#   ARGS              more arguments for pytest (`make test`) or `trimtab demo` (`make demo`)
#
# .venv remembers the first two: they are given once, and changed after `make clean`.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check
TORCH := $(shell grep '^torch==' constraints.txt)
OLDEST := $(shell sed -nE 's/.*"(diffusers|huggingface_hub|transformers)>=([0-9.]+)".*/\1==\2/p' pyproject.toml)
CONTRACT := $(addprefix tests/test_,contract.py modular.py pipelines_loading.py interventions_sharing.py)
TESTED := $(shell sed -n 's/.*Python :: \(3\.[0-9][0-9]*\)".*/\1/p' pyproject.toml)

PYTHON ?= python3
ARGS ?=
ifeq ($(origin TORCH_INDEX_URL),undefined)
TORCH_INDEX_URL := $(shell cat $(STAMP) 2>/dev/null)
endif

.DEFAULT_GOAL := help
.PHONY: help install settings demo test oldest resolve lint bench clean

help: ## say what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(STAMP) ## make .venv with everything pinned (done by the others where needed)

# pip would leave what is installed as it is, and say nothing.
settings:
	@test ! -e $(STAMP) || test '$(TORCH_INDEX_URL)' = "$$(cat $(STAMP))" || { \
	  echo "got TORCH_INDEX_URL='$(TORCH_INDEX_URL)'; expected '$$(cat $(STAMP))', which made" \
	    "$(VENV); to change it, run make clean first"; exit 1; }
ifneq ($(origin PYTHON),file)
	@test ! -e $(STAMP) || \
	  test "$$($(PYTHON) --version 2>&1)" = "$$($(BIN)/python --version 2>&1)" || { \
	  echo "got PYTHON=$(PYTHON) ($$($(PYTHON) --version 2>&1 | head -n 1)); expected" \
	    "$$($(BIN)/python --version 2>&1), which made $(VENV); to change it, run make clean first"; \
	  exit 1; }
endif

# Without python3-venv, Debian's Python begins an environment and cannot give it pip. What is left
# of that would look like an environment the next time.
$(STAMP): pyproject.toml constraints.txt | settings
	@test ! -e $(VENV) || $(PIP) --version >/dev/null 2>&1 || { \
	  echo "$(VENV) has no pip: removing it, to make it again"; rm -rf $(VENV); }
	@test -e $(VENV) || case " $(TESTED) " in \
	  *" $$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>&1) "*) ;; \
	  *) echo "got PYTHON=$(PYTHON) ($$($(PYTHON) --version 2>&1 | head -n 1)); expected Python" \
	    "$(firstword $(TESTED)) to $(lastword $(TESTED)); name one, such as:" \
	    "make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1;; esac
	@test -e $(VENV) || $(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { rm -rf $(VENV); \
	  echo "got a failure of '$(PYTHON) -m venv $(VENV)'; expected an environment with pip;" \
	    "on Debian and Ubuntu install python3-venv, then run make $(MAKECMDGOALS) again"; exit 1; }
ifeq ($(strip $(TORCH_INDEX_URL)),)
	@test "$$(uname)" != Linux || echo "torch: the build that pip finds, on Linux mostly the one" \
	  "with CUDA, several GB; the README says how to take the CPU build"
else
# The wheel alone: that index need not carry the pinned versions of what torch depends on.
	$(PIP) install --no-deps --index-url '$(TORCH_INDEX_URL)' '$(TORCH)'
endif
# The build backend first and no isolated build, so that it is pinned like the rest.
	$(PIP) install -c constraints.txt hatchling editables
	$(PIP) install -c constraints.txt --no-build-isolation -e '.[dev]'
	@echo '$(TORCH_INDEX_URL)' > $(STAMP)

demo: install ## measure, learn, steer and measure again on the embedded model: runs/demo/report.html
	$(BIN)/trimtab demo $(ARGS)

test: install ## run the tests
	$(BIN)/python -m pytest $(ARGS)

oldest: install ## the contract of every family on the oldest diffusers that pyproject.toml allows
	@test -e '.oldest/$(OLDEST)' || { rm -rf .oldest; \
	  grep -Ev '^(torch|diffusers|transformers|tokenizers|huggingface_hub)==' constraints.txt \
	    > $(VENV)/oldest.txt; \
	  $(PIP) install --target .oldest -c $(VENV)/oldest.txt $(OLDEST) && \
	  touch '.oldest/$(OLDEST)'; }
	PYTHONPATH=.oldest $(BIN)/python -m pytest $(CONTRACT) $(ARGS)

resolve: install ## a dry run of pip: constraints.txt holds for every extra at once, coming ones too
	$(BIN)/python .ci/resolve.py

lint: install ## ruff (rules and format) and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict

bench: install ## every figure that the docs quote, as JSON in runs/bench; fails if a bar is missed
	@status=0; for name in startup overhead learn; do \
	  echo "== $$name"; \
	  $(BIN)/python benchmarks/$$name.py --out runs/bench/$$name.json || status=1; \
	done; exit $$status

clean: ## remove .venv, the caches and built packages (runs/ stays)
	rm -rf $(VENV) .oldest dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
