"""Rows of files of JSON lines, cut from pieces of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from domaintoolkit.proposal.sampling.byte_pieces import TextPieces
from domaintoolkit.proposal.sampling.encodings_found import decode_pieces, lenient
from domaintoolkit.proposal.sampling.json_columns import json_columns
from domaintoolkit.proposal.sampling.table_sample import (
    ROWS,
    FoundColumn,
    TableSample,
    estimate_total,
    make_path,
)
from domaintoolkit.reading import SourceFile

__all__ = ["sample_json"]


def sample_json(
    files: tuple[SourceFile, ...], found: Mapping[SourceFile, TextPieces], encoding: str, folder: Path
) -> TableSample:
    """The rows of the pieces that were found in some of the files; those are written into `folder` as whole lines."""
    lines: list[str] = []
    paths, seen = [], []
    for number, (file, own) in enumerate(found.items()):
        pieces = decode_pieces(own.pieces, encoding)
        if len(pieces) > 1:
            pieces = [
                piece[(piece.find("\n") + 1) * bool(place) : piece.rfind("\n") + 1]
                for place, piece in enumerate(pieces)
            ]
        path = make_path(folder, file, number, ".jsonl")
        text = "".join(pieces)
        path.write_bytes(text.encode(encoding, errors=lenient(encoding)))
        paths.append(str(path))
        seen.append(own.seen)
        lines += [line for line in text.split("\n") if line.strip()]
    objects, wrong = [], 0
    for line in lines[:: max(1, -(-len(lines) // ROWS))]:
        try:
            # numbers as they are written, since their spelling decides what they are
            value = json.loads(line, parse_float=str, parse_int=str, parse_constant=str)
        except (json.JSONDecodeError, RecursionError):
            value = None
        if isinstance(value, dict):
            objects.append(value)
        else:
            wrong += 1
    columns = tuple(FoundColumn(path, values, is_list=is_list) for path, values, is_list in json_columns(objects))
    share = sum(seen) / len(seen) * len(found) / len(files)
    settings = {} if encoding == "utf-8" else {"encoding": encoding}
    return TableSample(
        files, columns, settings, tuple(paths), len(objects), estimate_total(len(lines), share), wrong
    )  # fmt: skip
