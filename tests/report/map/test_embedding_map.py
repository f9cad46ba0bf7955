from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import train_folders

from domaintoolkit.labels import read_labels
from domaintoolkit.model import EventModel, event_preset
from domaintoolkit.probes import ProbeSettings, evaluate_labels
from domaintoolkit.report.folder.chosen_rows import choose_rows
from domaintoolkit.report.map.colourings import colourings
from domaintoolkit.report.map.embedding_map import draw_map, embed_rows
from domaintoolkit.report.map.label_probe import probe_group
from domaintoolkit.report.map.map_exports import MapExports
from domaintoolkit.storage import open_encoded

pytest.importorskip("lightgbm")


@pytest.mark.slow
def test_the_probe_beside_the_map_is_that_of_evaluate(tmp_path: Path) -> None:
    table = train_folders.rows(400, 6)
    tokenizer = train_folders.tokenizer(table)
    folder = open_encoded(train_folders.write(tmp_path, table, tokenizer))
    torch.manual_seed(0)
    config = event_preset("54k", len(tokenizer.vocabulary), width=16, layers=1, heads=1, block=8, part_width=8)
    model = EventModel(config, tokenizer.grammar, tokenizer.vocabulary.hash).eval()
    rows = {name: choose_rows(folder, ("user",), name, 10_000) for name in ("train", "validation", "test")}
    whole = rows["test"].join(rows["train"].join(rows["validation"]))
    known = colourings(tokenizer, whole, len(rows["test"]))
    colouring = next(each for each in known if each.name.startswith("share of events"))
    found = draw_map(model, folder, tokenizer, rows["test"], rows["train"].join(rows["validation"]))
    assert not isinstance(found, str)
    row = next(each for each in found.table.rows if each[0] == colouring.name)
    # the same question as labels: without a date, all events are known
    asked = pa.table({"user": [key[0] for key in whole.keys], "target": colouring.flags.astype(np.int64)})
    # in any order
    labels = read_labels(asked.take(np.random.default_rng(3).permutation(len(asked))), folder)
    result = evaluate_labels(model, folder, labels, settings=ProbeSettings(probes=("linear",), resamples=2))
    measured = {each.source: each.metrics["AUROC"].value for each in result.results}
    assert row[5:] == (f"{measured['embeddings']:.3f}", f"{measured['untrained']:.3f}")
    (trained,) = embed_rows([model], folder, tokenizer, whole)
    assert probe_group(trained, colouring.flags, np.array(whole.splits)) == measured["embeddings"]
    MapExports(tmp_path / "projector", tmp_path / "atlas.parquet").write(found.points)
    atlas = pq.read_table(tmp_path / "atlas.parquet")
    assert atlas.column_names[:5] == ["x", "y", "text", "user", "split"]
    assert atlas["user"].to_pylist() == [key[0] for key in rows["test"].keys]
    assert "[page=" in atlas["text"][0].as_py()
    assert atlas[colouring.name].to_pylist() == pytest.approx(colouring.values[: len(rows["test"])].tolist())
    vectors = np.loadtxt(tmp_path / "projector" / "vectors.tsv", delimiter="\t")
    assert vectors == pytest.approx(found.points.embeddings, rel=1e-4)
    lines = (tmp_path / "projector" / "metadata.tsv").read_text().splitlines()
    assert lines[0].startswith("user\tsplit\t")
    assert {len(line.split("\t")) for line in lines} == {len(lines[0].split("\t"))}
    assert len(lines) == len(vectors) + 1
    assert 'metadata_path: "metadata.tsv"' in (tmp_path / "projector" / "projector_config.pbtxt").read_text()
    assert f"fitted on {len(rows['train'])} training entities" in found.probe_note
