"""A written distribution is a plugin whose sample its reader reads, and holds nothing of a single entity."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from raw_tables import TABLES, write_rows

from domaintoolkit.errors import OutputError, SchemaError
from domaintoolkit.proposal import propose
from domaintoolkit.proposal.package import Names, write_distribution
from domaintoolkit.reading import open_source, read_sample, write_sample
from domaintoolkit.schema import Domain
from domaintoolkit.tokenizer import DomainTokenizer

SAMPLED = (
    "invoices",
    "flights",
    "cards",
    "telecom",
    "groceries_without_times",
    "bank_statements",
)


def written(folder: Path, table: str) -> Path:
    """The distribution of one of the tables, in a folder of its own."""
    data = folder / "data"
    data.mkdir()
    path, _ = TABLES[table](data)
    home = folder / "home"
    write_distribution(propose([str(path)]), Names("my-shop"), [str(path)], home)
    return home


def load(home: Path) -> Domain:
    """The domain of a distribution that is not installed."""
    spec = importlib.util.spec_from_file_location("my_shop_domain", home / "src" / "my_shop_domain" / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    module.__spec__.submodule_search_locations = [str(home / "src" / "my_shop_domain")]  # type: ignore[union-attr]
    sys.modules["my_shop_domain"] = module
    try:
        spec.loader.exec_module(module)
        (domain,) = module.domaintoolkit_domains()
    finally:
        del sys.modules["my_shop_domain"]
    return domain


@pytest.mark.slow
@pytest.mark.parametrize("table", SAMPLED)
def test_the_sample_is_read_back_from_raw_files(table: str, tmp_path: Path) -> None:
    domain = load(written(tmp_path, table))
    table_of_sample = read_sample(domain, 300, seed=3).read_all()
    assert len(table_of_sample) == 300
    tokenizer = DomainTokenizer(domain.schema).fit(table_of_sample)
    path = write_sample(domain, tmp_path / "sample.parquet", 300, seed=3)
    files = [path]
    if not any(column.decimal == "," for column in domain.reader.columns):
        files.append(write_sample(domain, tmp_path / "sample.csv", 300, seed=3))
    for file in files:
        read = pa.Table.from_batches([batch.records for batch in open_source([str(file)], domain.reader).batches()])
        assert np.array_equal(tokenizer.encode(read).ids, tokenizer.encode(table_of_sample).ids)


def test_it_passes_the_linter_and_names_its_plugin(tmp_path: Path) -> None:
    home = written(tmp_path, "bank_statements")
    for command in (["check", "."], ["format", "--check", "."]):
        subprocess.run([sys.executable, "-m", "ruff", *command], cwd=home, check=True, capture_output=True)
    project = tomllib.loads((home / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == "my-shop-domain"
    assert project["entry-points"]["domaintoolkit"] == {"my_shop_domain": "my_shop_domain"}
    domain = load(home)
    assert domain.name == "my-shop"
    assert domain.recipe is not None
    assert domain.recipe.is_file()


def test_nothing_of_a_single_entity_is_written(tmp_path: Path) -> None:
    rows = []
    for k in range(2_000):
        word = f"secret{k % 90}" if k % 9 == 0 else "common"
        rows.append([f"client{k % 90:03d}", f"2024-01-{1 + k % 28:02d}T10:00:00", word, 17 * (k % 90) + 0.25])
    path = write_rows(tmp_path / "secrets.csv", rows, "client at word amount")
    home = tmp_path / "home"
    proposal = propose([str(path)])
    write_distribution(proposal, Names("secrets"), [str(path)], home)
    text = "".join(file.read_text(encoding="utf-8") for file in home.rglob("*") if file.is_file())
    assert "common" in text
    assert "secret1" not in text
    assert "client0" not in text


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    path, _ = TABLES["telecom"](data)
    proposal = propose([str(path)])
    with pytest.raises(OutputError, match="already holds something"):
        write_distribution(proposal, Names("calls"), [str(path)], data, overwrite=True)
    with pytest.raises(SchemaError, match="lower-case"):
        Names("My Shop")
