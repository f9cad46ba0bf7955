"""The files of a distribution as templates: `<<domain>>` stands for the domain's name, and so on."""

from __future__ import annotations

__all__ = ["FILES"]

PYPROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "<<distribution>>"
version = "0.1.0"
description = <<description>>
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["domaintoolkit<<extras>>"]

[project.optional-dependencies]
dev = ["domaintoolkit[testing]", "mypy>=1.11", "pytest>=8", "ruff>=0.6"]

# This makes it a plugin of domaintoolkit: the group's name, and the module that holds the hooks.
[project.entry-points.domaintoolkit]
<<module>> = "<<module>>"

[tool.setuptools.package-data]
<<module>> = ["*.json", "*.toml", "py.typed"]

[tool.ruff]
line-length = 120

[tool.ruff.lint]
select = ["B", "E", "F", "I", "N", "RUF", "SIM", "UP", "W"]

[tool.mypy]
strict = true
files = ["src", "tests"]

[tool.pytest.ini_options]
testpaths = ["tests"]
"""

MODULE = '''\
"""The domain `<<domain>>`, as a plugin of domaintoolkit."""

from collections.abc import Iterable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from domaintoolkit import Domain, hookimpl
from domaintoolkit.reading import domain_from_toml
from domaintoolkit.simulation import MarginalSample

__all__ = ["DOMAIN", "domaintoolkit_domains"]

HERE = Path(__file__).parent

DOMAIN = replace(
    domain_from_toml(HERE / "domain.toml"),
    name="<<domain>>",
    description=<<about>>,
    sample=MarginalSample.read(HERE / "marginals.json"),
    sample_events=5_000,
    recipe=files("<<module>>") / "recipe.toml",
)


@hookimpl
def domaintoolkit_domains() -> Iterable[Domain]:
    """The domains of this plugin, as a tuple."""
    return (DOMAIN,)
'''

RECIPE = """\
# How the domain `<<domain>>` is trained.
domain = "<<domain>>"

# A small model of events, which learns in minutes on a CPU. More data is worth more of everything:
# preset = "24m" and epochs = 1, on a GPU.
[train]
family = "event"
preset = "410k"
model = { part_width = 64 }
block = 128
batch = 8
steps = 400
learning_rate = 4e-3
evaluate_every = 200
checkpoint_every = 200
"""

TEST = '''\
"""Every contract of domaintoolkit, on the domain `<<domain>>`."""

from domaintoolkit import get_domain
from domaintoolkit.testing import check_domain

from <<module>> import DOMAIN


def test_the_installed_domain_is_this_one() -> None:
    assert get_domain("<<domain>>").schema == DOMAIN.schema


def test_every_contract_holds() -> None:
    check_domain(DOMAIN, events=500, examples=3)
'''

WORKFLOW = """\
name: test
on: [push, pull_request]

jobs:
  test:
    runs-on: ubuntu-latest
    strategy:
      matrix:
        python: ["3.11", "3.13"]
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: ${{ matrix.python }}
      - run: pip install -e '.[dev]'
      - run: ruff check . && ruff format --check .
      - run: mypy
      - run: pytest
"""

README = """\
# <<distribution>>

The domain `<<domain>>` of domaintoolkit.

```
pip install -e '.[dev]'
domaintoolkit encode --domain <<domain>> <<files>><<refuses>> -o <<domain>>-streams
domaintoolkit verify <<domain>>-streams <<files>>
domaintoolkit check <<domain>>
domaintoolkit train <<domain>>-streams --domain <<domain>>
```

| file | what is in it |
|---|---|
| `src/<<module>>/domain.toml` | the schema and the reader: change these to change what is encoded |
| `src/<<module>>/marginals.json` | what the simulated sample is drawn from |
| `src/<<module>>/recipe.toml` | how the domain is trained |
| `src/<<module>>/__init__.py` | the plugin |
| `tests/test_domain.py` | every contract of domaintoolkit, on this domain |
| `DATA_CARD.md` | where the data comes from, and what becomes of each column |

`ruff check . && ruff format --check . && mypy && pytest` checks it all; `.github/workflows/test.yml` does so at each
push.
"""

CARD = """\
# <<domain>>: data card

<<card>>
"""

IGNORED = """\
*.egg-info/
__pycache__/
build/
dist/
.mypy_cache/
.pytest_cache/
.ruff_cache/
.hypothesis/
.venv/
"""

FILES = {
    "pyproject.toml": PYPROJECT,
    "README.md": README,
    "DATA_CARD.md": CARD,
    ".gitignore": IGNORED,
    ".github/workflows/test.yml": WORKFLOW,
    "src/<<module>>/__init__.py": MODULE,
    "src/<<module>>/recipe.toml": RECIPE,
    "tests/test_domain.py": TEST,
}
"""The path and the text of each file."""
