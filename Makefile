# `make run` serves the product with a demo county; `make test` proves it. Both set up what they need.
SHELL := /bin/bash
BIN := .venv/bin
# The stamp is named after the lock, so a changed lock installs again and an unchanged one costs nothing.
STAMP := .venv/installed-$(shell sha256sum requirements/dev.txt | cut -c1-16)

# Where the surroundings forbid it, each of the processes that a test starts would compile the project anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup run test pytest lint bench stop clean lock

setup: $(STAMP)
	@:

$(STAMP):
	@requirements/install.sh .venv requirements/dev.txt
	@rm -f .venv/installed-* && touch $@

# PORT and HOST choose another address: make run PORT=8001. Some shells export a HOST of their own, so that one
# counts only where it stands behind make.
run: setup
	@exec $(BIN)/python manage.py run $(if $(PORT),--port $(PORT)) $(if $(filter command,$(firstword $(origin HOST))),--host $(HOST))

# What reads the code runs beside the tests, or a core would wait for it.
test: setup
	@$(MAKE) --no-print-directory --jobs 2 lint pytest

pytest: setup
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: setup
	@$(BIN)/ruff check --quiet .
	@$(BIN)/lint-imports
	@$(BIN)/mypy
	@$(BIN)/python manage.py makemigrations --check --dry-run

bench: setup
	@$(BIN)/python -m benchmarks

# The site, wherever it was started from, and the embedded database, which goes on running after `make run`.
stop:
	@$(BIN)/python -m aidcases.serving

# Keeps var/: it holds the data and the keys.
clean:
	rm -rf .venv .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis .coverage* htmlcov staticfiles
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Newest versions that pyproject.toml allows, with hashes and without the address they came from.
LOCK := .venv/bin/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header --no-annotate
lock: setup
	@$(BIN)/python -m pip install --quiet uv
	@$(LOCK) --output-file requirements/runtime.txt
	@$(LOCK) --group dev --constraints requirements/runtime.txt --output-file requirements/dev.txt
