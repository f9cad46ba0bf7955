"""Pieces are spread over the whole of a file, packed or not, and take no more than the budget."""

from __future__ import annotations

import gzip
from itertools import pairwise
from pathlib import Path

import pytest

from domaintoolkit.proposal.sampling.byte_pieces import take_pieces
from domaintoolkit.reading import find_files

TEXT = b"".join(b"%07d,some text\n" % number for number in range(200_000))
BUDGET = 400_000


@pytest.mark.parametrize("packed", [False, True])
def test_pieces_come_from_everywhere(packed: bool, tmp_path: Path) -> None:
    path = tmp_path / ("rows.csv.gz" if packed else "rows.csv")
    path.write_bytes(gzip.compress(TEXT, 1) if packed else TEXT)
    (file,) = find_files([str(path)])
    found = take_pieces(file, BUDGET)
    assert not found.is_whole
    assert TEXT.startswith(found.pieces[0])
    assert sum(map(len, found.pieces)) <= 1.2 * BUDGET
    assert found.seen == pytest.approx(sum(map(len, found.pieces)) / len(TEXT), rel=0.01)
    numbers = [int(piece.split(b"\n")[1][:7]) for piece in found.pieces[1:]]
    assert numbers == sorted(numbers)
    assert numbers[-1] > 190_000
    assert max(after - before for before, after in pairwise(numbers)) < 10_000


def test_a_small_file_is_one_piece(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(TEXT[:1000])
    (file,) = find_files([str(path)])
    assert take_pieces(file, BUDGET).pieces == (TEXT[:1000],)
