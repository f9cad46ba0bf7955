# The tools of the environment that `just` is installed in, which need not be activated, on the code of this folder.
set positional-arguments := true
bin := parent_directory(just_executable())
export PATH := if path_exists(bin / "pytest") == "true" { bin + ":" + env("PATH") } else { env("PATH") }
# compiled tests are kept: to compile them takes ten seconds of each run, and more in each process that a test starts
export PYTHONDONTWRITEBYTECODE := ""
export PYTHONPATH := justfile_directory() + ":" + justfile_directory() / "plugins"

[private]
list:
    @just --list --unsorted

# Lint, and check the format, the types and the import rules
check:
    ruff check .
    ruff format --check .
    mypy
    lint-imports
    python website/build_site.py

# Run all tests on two processes; arguments go to pytest
test *arguments:
    pytest -n 2 "$@"

# Run the tests that are not slow, with fewer drawn examples
test-fast *arguments:
    HYPOTHESIS_PROFILE=quick pytest -n 2 -m "not slow and not spark and not gpu" "$@"

# Write the pages, pictures and outputs that are generated from the code
docs:
    python tests/support/references.py
    python website/pictures.py
    python website/run_notebook.py

# Build the documentation site into build/site/html
site:
    python website/build_site.py

# Run a benchmark by its name: `just bench engine FOLDER`; benchmarks/README.md describes them
bench name="tokenizer" *arguments:
    @shift; python "benchmarks/{{ name }}.py" "$@"

# Format the code, and fix what the linter can fix
format:
    ruff check --fix .
    ruff format .
