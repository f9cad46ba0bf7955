"""The encoded folders of a study, each made once: of the whole data, of a share of its entities, of some events."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from domaintoolkit.errors import DataError, Problem, Refusal, SchemaError, unknown_name
from domaintoolkit.jobs import encode, fit
from domaintoolkit.reading import sample_source
from domaintoolkit.registry import get_domain
from domaintoolkit.schema import Composite, Schema
from domaintoolkit.schema.convert import from_dict, to_dict
from domaintoolkit.storage import open_encoded
from domaintoolkit.storage.shards import write_shard
from domaintoolkit.studies.cells import DataPlan
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.artifacts import canonical_json
from domaintoolkit.util.partials import remove_folder, replacing_folder

__all__ = ["StudyData"]


class StudyData:
    """Makes the folder of a plan below `folder`, or finds the one that was made before."""

    def __init__(self, folder: Path, domain: str | None, streams: Path | None, events: int | None) -> None:
        self.folder, self.domain, self.streams, self.events = folder, domain, streams, events

    def prepare(self, plan: DataPlan) -> Path:
        """The encoded folder of a plan."""
        base = self._base(plan)
        if plan.where is not None:
            some = self._folder("some", replace(plan, share=1.0))
            if not _is_whole(some):
                _keep_events(base, some, *plan.where)
            base = some
        if plan.share < 1.0:
            part = self._folder("share", plan)
            if not _is_whole(part):
                _take_share(base, part, plan.share)
            base = part
        return base

    def check(self, plan: DataPlan) -> None:
        """Say what is wrong with a plan without making its folder."""
        if self.streams is not None and plan.domain is None:
            if self.can_prepare(plan) and plan.where is not None:
                _check_column(
                    DomainTokenizer.load(open_encoded(self.streams, verify=False).tokenizer_folder).schema, plan
                )
            return
        schema = _change_schema(get_domain(self._domain_of(plan)).schema, plan)
        if plan.where is not None:
            _check_column(schema, plan)

    def _domain_of(self, plan: DataPlan) -> str:
        name = plan.domain or self.domain
        if name is None:
            raise SchemaError([Problem("domain", "is required: the study names none; give --domain, or OUT")], "study")
        return name

    def can_prepare(self, plan: DataPlan) -> bool:
        """False if the plan needs another tokenizer, and the data are a folder, which has its own."""
        return self.streams is None or plan.domain is not None or not (plan.fields or plan.composites)

    def _base(self, plan: DataPlan) -> Path:
        """All events of all entities."""
        if self.streams is not None and plan.domain is None and self.can_prepare(plan):
            return self.streams
        base = self._folder("base", replace(plan, share=1.0, where=None))
        if not _is_whole(base):
            self._encode(plan, base)
        return base

    def _folder(self, kind: str, plan: DataPlan) -> Path:
        content = canonical_json([json.loads(json.dumps(asdict(plan))), self.domain, str(self.streams), self.events])
        return self.folder / f"{kind}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"

    def _encode(self, plan: DataPlan, out: Path) -> None:
        if self.streams is not None and plan.domain is None:
            reason = "has an effect only on a domain's sample: an encoded folder has its tokenizer already"
            raise SchemaError([Problem("composites" if plan.composites else "fields", reason)], "study")
        domain = get_domain(self._domain_of(plan))
        source = sample_source(domain, self.events)
        schema = _change_schema(domain.schema, plan)
        if out.exists():
            remove_folder(out)
        out.parent.mkdir(parents=True, exist_ok=True)
        encode(fit(schema, source).tokenizer, source, out)


def _is_whole(folder: Path) -> bool:
    return (folder / "manifest.json").exists()


def _change_schema(schema: Schema, plan: DataPlan) -> Schema:
    data = to_dict(schema)
    for name, changes in plan.fields:
        chosen = [field for field in (*data.get("static", []), *data["fields"]) if field["name"] == name]
        if not chosen:
            names = [field["name"] for field in (*data.get("static", []), *data["fields"])]
            raise SchemaError([Problem("fields", unknown_name("field", name, names))], "study")
        chosen[0].update(json.loads(changes))
    made = from_dict(Schema, data, "study")
    return replace(made, composite=Composite(vocabulary_size=plan.composites)) if plan.composites else made


def _check_column(schema: Schema, plan: DataPlan) -> None:
    """Refuse to keep events by a column that decoding does not give."""
    assert plan.where is not None
    known = [*schema.entity, *(spec.name for spec in (*schema.static, *schema.fields))]
    if plan.where[0] not in known:
        raise SchemaError([Problem("where.column", unknown_name("column", plan.where[0], known))], "study")


def _take_share(whole: Path, out: Path, share: float) -> None:
    """A folder with a share of the training entities, and all held-out ones. Smaller shares are parts of larger ones.

    Those kept are the first of every shard, whose order is that of a hash.
    """
    source = open_encoded(whole)
    with replacing_folder(out) as folder:
        _copy_tokenizer(source.tokenizer_folder, folder)
        entries = []
        for number in range(len(source.manifest.shards)):
            table = source.table(number)
            training = pc.equal(table["split"], "train").to_numpy(zero_copy_only=False).astype(bool)  # (rows,)
            wanted = max(1, round(share * int(training.sum()))) if training.any() else 0
            kept = ~training | (training & (np.cumsum(training) <= wanted))
            entries.append(write_shard(folder, number, table.filter(pa.array(kept)).combine_chunks()))
        replace(source.manifest, shards=tuple(entries), left_out=()).save(folder)


def _copy_tokenizer(source: Path, folder: Path) -> None:
    DomainTokenizer.load(source).save(folder / "tokenizer")


def _keep_events(whole: Path, out: Path, column: str, begins: str) -> None:
    """A folder of the events whose `column` begins with a text, in the same tokens and splits."""
    source = open_encoded(whole)
    tokenizer = DomainTokenizer.load(source.tokenizer_folder)
    tables = []
    for rows in source.streams():
        keys = pa.Table.from_batches([rows.table]).select(list(tokenizer.schema.entity))
        decoded = tokenizer.decode(rows.ids, rows.offsets.astype(np.int64), keys)
        texts = pc.fill_null(decoded[column].cast(pa.string()), "")
        tables.append(decoded.filter(pc.starts_with(texts, begins)))
    table = pa.concat_tables(tables)
    if not table.num_rows:
        raise DataError([Refusal(None, column, f"no event's value begins with {begins!r}")])
    encode(tokenizer, _without_labels(table, tokenizer), out)


def _without_labels(table: pa.Table, tokenizer: DomainTokenizer) -> Any:
    """A table with an empty column for each label, which decoding does not give."""
    for name in tokenizer.schema.labels:
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(table.num_rows))
    return table
