"""The example of a plugin, installed as its pyproject says: found, used, and kept by a saved tokenizer."""

from __future__ import annotations

import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import blocks
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.errors import DataError, SchemaError
from domaintoolkit.reading import open_source
from domaintoolkit.registry import build_manager, get_domain, get_encoder, list_domains
from domaintoolkit.registry.manager import HOOKS
from domaintoolkit.schema import Custom
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.train import load_recipe

EXAMPLES = Path(__file__).parents[2] / "examples"
degrees = st.none() | st.floats() | st.floats(-720, 720) | st.integers(-(1 << 53), 1 << 53).map(float)


@pytest.fixture(scope="module", autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder on the path that holds what `pip install ./examples/bike_share` would put there."""
    folder = tmp_path_factory.mktemp("site")
    project = tomllib.loads((EXAMPLES / "bike_share" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = project["entry-points"]["domaintoolkit"].items()
    (info / "entry_points.txt").write_text("\n".join(["[domaintoolkit]", *(f"{name} = {to}" for name, to in points)]))
    (folder / "bike_share").symlink_to(EXAMPLES / "bike_share" / "bike_share")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield folder


def test_it_is_found_through_its_entry_point() -> None:
    catalog = list_domains()
    assert catalog.owners["bikes"].distribution == "bike-share-domain"
    assert not [failure for failure in catalog.failures if failure.plugin.distribution == "bike-share-domain"]


@pytest.mark.slow
def test_its_own_tests_pass() -> None:
    namespace = runpy.run_path(str(EXAMPLES / "bike_share" / "tests" / "test_bikes.py"))
    namespace["test_every_contract_holds"]()


def test_its_recipe_is_one_that_train_takes() -> None:
    recipe = get_domain("bikes").recipe
    assert recipe is not None
    assert load_recipe(Path(str(recipe))).steps == 200


def test_a_route_is_learned_district_by_district() -> None:
    domain = get_domain("bikes")
    tokenizer = DomainTokenizer(domain.schema).fit(pa.Table.from_batches(domain.sample(200, 0)))
    names = [token.name for token in tokenizer.vocabulary if token.field == "route"]
    assert "[route=Docks]" in names
    assert "[route then=Docks]" in names


def test_its_file_is_read() -> None:
    domain = get_domain("bikes")
    path = EXAMPLES / "bike_share" / "bike_share" / "rides.csv"
    table = pa.Table.from_batches([batch.records for batch in open_source(path, domain.reader).batches()])
    assert table.equals(pa.Table.from_batches(domain.sample(48, 7)))


def compass(sectors: object = 8):
    found = get_encoder("compass")
    return found.state(Custom("heading", encoder="compass", options={"sectors": sectors})).finalize()


@pytest.mark.slow
@given(st.lists(degrees, max_size=30), st.integers(1, 180))
def test_headings_come_back_in_their_sector(values: list[float | None], sectors: int) -> None:
    encoder = compass(sectors)
    prepared = encoder.prepare(encoder.spec, pa.array(values, pa.float64()))
    (cells,) = encoder.encode(prepared.values).parts
    again = encoder.decode([cells], pa.float64())
    assert encoder.encode(again).parts[0].codes.tolist() == cells.codes.tolist()
    ids = np.arange(100, 100 + len(encoder.slots))
    assert encoder.lookup(ids)(values) == [(100 + code,) for code in cells.codes.tolist()]


@pytest.mark.slow
@given(st.lists(st.none() | st.integers(-1000, 1000), max_size=30), st.integers(1, 180))
def test_whole_degrees_come_back_whole(values: list[int | None], sectors: int) -> None:
    encoder = compass(sectors)
    prepared = encoder.prepare(encoder.spec, pa.array(values, pa.int64()))
    (cells,) = encoder.encode(prepared.values).parts
    again = encoder.prepare(encoder.spec, encoder.decode([cells], pa.int64()))
    assert encoder.encode(again.values).parts[0].codes.tolist() == cells.codes.tolist()


def test_north_is_one_sector() -> None:
    codes = compass().encode(pa.array([359.0, 1.0, 0.0, 360.0, -3.0])).parts[0].codes
    assert len(set(codes.tolist())) == 1


def test_what_is_no_heading_is_refused() -> None:
    encoder = compass()
    assert len(encoder.prepare(encoder.spec, pa.array(["north"])).refused) == 1
    with pytest.raises(DataError, match="found 'north'"):
        encoder.lookup(np.arange(10))(["north"])
    with pytest.raises(SchemaError, match=r"options\.sectors: must be 1 to 180, got 0"):
        compass(0)


def test_the_hooks_are_documented() -> None:
    pages = [path.read_text(encoding="utf-8") for path in sorted((EXAMPLES.parent / "docs" / "plugins").glob("*.md"))]
    for hook in HOOKS:
        assert any(f"\n`{hook}() -> Iterable[" in text for text in pages), hook


def test_a_manager_takes_it_without_installation() -> None:
    import bike_share

    manager = build_manager([bike_share])
    assert get_domain("bikes", manager) == get_domain("bikes")
    assert get_encoder("compass", manager) is bike_share.COMPASS


@pytest.mark.slow
@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_the_scripts_run(script: Path, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-W", "error", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_base_classes_work_as_the_page_shows() -> None:
    pages = [blocks.blocks(path) for path in sorted((EXAMPLES.parent / "docs" / "plugins").glob("*.md"))]
    shown = [block.text for page in pages for block in page if "Encoder, name=" in block.text]
    assert len(shown) >= 2
    for text in shown:
        exec(compile(text, "docs/plugins", "exec"), {"__name__": "page"})
