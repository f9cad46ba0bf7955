from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from domaintoolkit import Categorical, DomainTokenizer, Numeric, Schema, Timestamp
from domaintoolkit.jobs import encode
from domaintoolkit.report.folder.chosen_rows import choose_rows
from domaintoolkit.report.folder.folder_page import folder_page
from domaintoolkit.report.folder.packed_histories import pack_histories
from domaintoolkit.storage import open_encoded

HOSTILE = "</script><script>alert(1)</script>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    table = pa.table({
        "who": [f"{HOSTILE}{n % 30}" for n in range(300)],
        "at": pa.array(np.arange(300) * 3_600_000_000, pa.timestamp("us")),
        "what": rng.choice([HOSTILE, "view", "cart", None], 300).tolist(),
        "price": rng.lognormal(size=300).tolist(),
    })  # fmt: skip
    fields = (Categorical("what"), Numeric("price", bins=8), Timestamp("at", zone="Asia/Tokyo"))
    schema = Schema(entity="who", time="at", fields=fields)
    out = tmp_path_factory.mktemp("page") / "out"
    encode(DomainTokenizer(schema).fit(table), table, out)
    return out


def unpack(text: str, kind: str) -> Any:
    return np.frombuffer(base64.b64decode(text), kind)


def test_the_page_holds_every_history_and_nothing_of_it_is_markup(folder: Path) -> None:
    page = folder_page(folder).html
    assert "<script>alert" not in page
    assert page.count("<script>") == 2
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', page)
    assert match is not None
    data = json.loads(match[1])["histories"]
    assert sorted(data["keys"]) == sorted(f"{HOSTILE}{n}" for n in range(30))
    assert unpack(data["events"], "<u4").sum() == 300
    for title in ("what", "price", "at weekday", "Lengths"):
        assert f"<b>{title}</b>" in page


def test_numbers_may_be_huge_infinite_or_equal(tmp_path: Path) -> None:
    """The range of some is itself no number."""
    table = {
        "who": [n % 5 for n in range(60)],
        "huge": [[1e308, -1e308, 5e-324, 0.0, float("inf"), float("nan")][n % 6] for n in range(60)],
        "equal": [1e300] * 60,
        "tiny": [5e-324 * (n % 2) for n in range(60)],
        "none": [float("-inf")] * 60,
    }
    schema = Schema(entity="who", fields=[Numeric(name) for name in ("huge", "equal", "tiny", "none")])
    encode(DomainTokenizer(schema).fit(table), table, tmp_path / "out")
    page = folder_page(tmp_path / "out").html
    for name in ("huge", "equal", "tiny"):
        assert f"<b>{name}</b>" in page
    assert 'd="MNaN' not in page


def test_histories_are_packed_whole_or_their_latest_events(folder: Path) -> None:
    encoded = open_encoded(folder)
    tokenizer = DomainTokenizer.load(encoded.tokenizer_folder)
    rows = choose_rows(encoded, tokenizer.schema.entity, None, 100)
    whole = pack_histories(tokenizer, rows)
    flat, _ = rows.flat
    names = [whole["names"][token] for token in unpack(whole["tokens"], "<u2")]
    assert names == [tokenizer.vocabulary.names[token] for token in flat]
    assert unpack(whole["lengths"], "<u2").sum() + unpack(whole["header"], "<u2").sum() == len(flat)
    # the clock is that of the zone, nine hours ahead
    assert unpack(whole["times"], "<f8").min() == 9 * 3_600_000
    few = pack_histories(tokenizer, rows, budget=1_000)
    assert (unpack(few["shown"], "<u4") < unpack(few["events"], "<u4")).all()
    first = rows.ids[0]
    count = int(unpack(few["shown"], "<u4")[0])
    kept = [few["names"][token] for token in unpack(few["tokens"], "<u2")]
    begin = int(rows.starts[0][-count])
    wanted = [tokenizer.vocabulary.names[token] for token in [*first[: rows.starts[0][0]], *first[begin:]]]
    assert kept[: len(wanted)] == wanted
