# Start with `make demo` or `make test`; both set everything up first.
#
#   PYTHON            the Python that creates .venv, of a version listed in pyproject.toml
#   TORCH_INDEX_URL   the index to install torch from, to choose a CPU or a CUDA build; if empty,
#                     torch comes from pip's default index
#   ARGS              extra arguments for pytest (`make test`) or `trimtab demo` (`make demo`)
#
# .venv remembers PYTHON and TORCH_INDEX_URL: set them once, and run `make clean` to change them.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check
TORCH := $(shell grep '^torch==' constraints.txt)
OLDEST := $(shell sed -nE 's/.*"(diffusers|huggingface_hub|transformers)>=([0-9.]+)".*/\1==\2/p' pyproject.toml)
CONTRACT := $(addprefix tests/test_,contract.py modular.py pipelines_loading.py interventions_hub.py \
  pipelines_fingerprint.py)
TESTED := $(shell sed -n 's/.*Python :: \(3\.[0-9][0-9]*\)".*/\1/p' pyproject.toml)

PYTHON ?= python3
ARGS ?=
ifeq ($(origin TORCH_INDEX_URL),undefined)
TORCH_INDEX_URL := $(shell cat $(STAMP) 2>/dev/null)
endif

.DEFAULT_GOAL := help
.PHONY: help install settings demo test oldest resolve lint schemas comfyui bench faults clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(STAMP) ## create .venv with pinned versions (other targets do this when needed)

# pip would silently keep what is already installed.
settings:
	@test ! -e $(STAMP) || test '$(TORCH_INDEX_URL)' = "$$(cat $(STAMP))" || { \
	  echo "got TORCH_INDEX_URL='$(TORCH_INDEX_URL)'; expected '$$(cat $(STAMP))', which $(VENV)" \
	    "was created with; to change it, run make clean first"; exit 1; }
ifneq ($(origin PYTHON),file)
	@test ! -e $(STAMP) || \
	  test "$$($(PYTHON) --version 2>&1)" = "$$($(BIN)/python --version 2>&1)" || { \
	  echo "got PYTHON=$(PYTHON) ($$($(PYTHON) --version 2>&1 | head -n 1)); expected" \
	    "$$($(BIN)/python --version 2>&1), which $(VENV) was created with; to change it, run make" \
	    "clean first"; exit 1; }
endif

# Without python3-venv, Debian's Python creates an environment that has no pip, and the next run
# would mistake it for a working one.
$(STAMP): pyproject.toml constraints.txt | settings
	@test ! -e $(VENV) || $(PIP) --version >/dev/null 2>&1 || { \
	  echo "$(VENV) has no pip: recreating it"; rm -rf $(VENV); }
	@test -e $(VENV) || case " $(TESTED) " in \
	  *" $$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>&1) "*) ;; \
	  *) echo "got PYTHON=$(PYTHON) ($$($(PYTHON) --version 2>&1 | head -n 1)); expected Python" \
	    "$(firstword $(TESTED)) to $(lastword $(TESTED)); choose one, for example:" \
	    "make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1;; esac
	@test -e $(VENV) || $(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { rm -rf $(VENV); \
	  echo "got an error from '$(PYTHON) -m venv $(VENV)'; expected an environment with pip; on" \
	    "Debian and Ubuntu, install python3-venv, then run make $(MAKECMDGOALS) again"; exit 1; }
ifeq ($(strip $(TORCH_INDEX_URL)),)
	@test "$$(uname)" != Linux || echo "torch: installing pip's default build, on Linux usually" \
	  "the CUDA build of several GB; see the README for the CPU build"
else
# Install only the wheel: this index may lack the pinned versions of torch's dependencies.
	$(PIP) install --no-deps --index-url '$(TORCH_INDEX_URL)' '$(TORCH)'
endif
# Install the build backend first and turn off build isolation, so that it is pinned too.
	$(PIP) install -c constraints.txt hatchling editables
	$(PIP) install -c constraints.txt --no-build-isolation -e '.[dev,faces]'
	@echo '$(TORCH_INDEX_URL)' > $(STAMP)

demo: install ## audit, learn, steer and audit again on the embedded model (runs/demo/report.html)
	$(BIN)/trimtab demo $(ARGS)

test: install ## run the tests, a file at a time on every core
	$(BIN)/python -m pytest -n logical --dist loadfile $(ARGS)

oldest: install ## test the contract of every family on the oldest diffusers in pyproject.toml
	@test -e '.oldest/$(OLDEST)' || { rm -rf .oldest; \
	  grep -Ev '^(torch|diffusers|transformers|tokenizers|huggingface_hub)==' constraints.txt \
	    > $(VENV)/oldest.txt; \
	  $(PIP) install --target .oldest -c $(VENV)/oldest.txt $(OLDEST) && \
	  touch '.oldest/$(OLDEST)'; }
	PYTHONPATH=.oldest $(BIN)/python -m pytest -n logical --dist loadfile $(CONTRACT) $(ARGS)

resolve: install ## check by a dry run of pip that constraints.txt fits all extras, planned ones too
	$(BIN)/python .ci/resolve.py

lint: install ## run ruff (rules and format) and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict

schemas: install ## write the JSON Schemas of the results to docs/schemas
	$(BIN)/python docs/write_schemas.py

comfyui: ## write the ComfyUI nodes as a folder that stands alone, dist/comfyui-trimtab
	python3 integrations/write_comfyui.py

bench: install ## measure every figure in the docs (JSON in runs/bench); fail if a bar is missed
	@status=0; for name in startup store overhead learn; do \
	  echo "== $$name"; \
	  $(BIN)/python benchmarks/$$name.py --out runs/bench/$$name.json || status=1; \
	done; exit $$status

faults: install ## damage 100,000 files of every format of pictures; none may end the reading
	$(BIN)/python benchmarks/faults.py --out runs/bench/faults.json $(ARGS)

clean: ## remove .venv, caches and built packages (keeps runs/)
	rm -rf $(VENV) .oldest dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
