# Users need `demo` and `test`. The other targets are for developers.
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
ifndef PYTHON
PYTHON := $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c '$(SUPPORTED)' 2>/dev/null && echo $$python && break; done)
endif
VENV := .venv
BIN := $(VENV)/bin
unexport PYTHONDONTWRITEBYTECODE
export UV_PYTHON_DOWNLOADS = never

.PHONY: demo test test-all coverage audit sbom artifacts module release docs aws-smoke lock clean

$(VENV)/installed: pyproject.toml requirements/dev.txt
	@test -n "$(PYTHON)" || { echo "Stagewright needs Python 3.11, 3.12 or 3.13, and none is on PATH." \
		"Install one, or name it: make PYTHON=/path/to/python3.12"; exit 1; }
	@"$(PYTHON)" -c '' || { echo "$(PYTHON) does not run. Name a Python that does: make PYTHON=/path/to/python3.12"; exit 1; }
	@"$(PYTHON)" -c '$(SUPPORTED)' || { echo "Stagewright needs Python 3.11, 3.12 or 3.13;" \
		"$(PYTHON) is $$("$(PYTHON)" --version 2>&1). Try: make PYTHON=python3.12"; exit 1; }
	"$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/uv.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(VENV)/installed
	@$(BIN)/stagewright demo

test: $(VENV)/installed
	$(BIN)/python -m tools.check

test-all: $(VENV)/installed
	$(BIN)/python -m tools.check --all

coverage: $(VENV)/installed
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow" --cov --cov-report=term --cov-report=xml

audit: $(VENV)/installed
	@$(BIN)/python -m tools.audit

sbom: $(VENV)/installed
	@mkdir -p reports
	$(BIN)/python -m tools.audit sbom reports/sbom.json

artifacts: $(VENV)/installed
	$(BIN)/python -m stagewright.installation

module: $(VENV)/installed
	@$(BIN)/python -m tools.module_archive dist

release: $(VENV)/installed
	@$(BIN)/python -m tools.release $(ARGS)

docs: $(VENV)/installed
	$(BIN)/python -m tools.reference

aws-smoke: $(VENV)/installed
	@$(BIN)/python -m tools.aws_smoke $(ARGS)

lock: $(VENV)/installed
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra all --group dev --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" pyproject.toml -o requirements/dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra all --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" -c requirements/dev.txt pyproject.toml -o requirements/runtime.txt
	echo "uv>=0.8" | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" - -o requirements/uv.txt

clean:
	rm -rf $(VENV) .coverage* .mypy_cache .pytest_cache .ruff_cache .stagewright reports
