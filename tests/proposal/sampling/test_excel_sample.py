"""The table of a workbook: its header below titles, and the sheets that have the same one."""

from __future__ import annotations

from pathlib import Path

import pytest

from domaintoolkit.proposal import propose, write_toml
from domaintoolkit.reading import domain_from_toml, open_source


def test_sheets_with_the_same_header_are_one_table(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for year, sheet in ((2022, book.active), (2023, book.create_sheet("later")), (0, book.create_sheet("notes"))):
        sheet.append(["Sales"])
        sheet.append([])
        sheet.append([f"of {year}"])
        if not year:
            continue
        sheet.append(["customer", "day", "item", "spent"])
        for row in range(300):
            day = f"{year}-{1 + row // 28:02}-{1 + row % 28:02}"
            sheet.append([f"K{row * 7 % 60}", day, "abcd"[row * 11 % 13 % 4], row * 31 % 97 / 4])
    path = tmp_path / "sales.xlsx"
    book.save(path)
    proposal = propose([str(path)])
    assert (proposal.rows, proposal.reader.skip, proposal.reader.sheets) == (600, 3, ("Sheet", "later"))
    assert any("sheets not read: 'notes'" in note for note in proposal.notes)
    file = tmp_path / "domain.toml"
    file.write_text(write_toml(proposal), encoding="utf-8")
    assert domain_from_toml(file).reader == proposal.reader
    assert sum(len(each.records) for each in open_source([str(path)], proposal.reader).batches()) == 600
