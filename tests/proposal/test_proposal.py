"""A proposal is what a careful person would write, column by column."""

from __future__ import annotations

from pathlib import Path
from random import Random

import public_tables
import pytest
from raw_tables import TABLES, write_rows

from domaintoolkit.errors import ProposalError, SourceError
from domaintoolkit.proposal import Proposal, UserChoices, propose, write_toml
from domaintoolkit.reading import domain_from_toml, open_source
from domaintoolkit.schema import Timestamp

assert public_tables  # which lists its tables in TABLES


def roles(proposal: Proposal) -> dict[str, str]:
    """The role of each column, as `raw_tables` writes it."""
    words = {"left out": "out", "field": "", "static": "static "}
    return {
        each.header: words.get(each.role, each.role)
        + (each.encoder.split()[0] if each.role in ("field", "static") else "")
        for each in proposal.columns
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_every_column_becomes_what_a_careful_person_makes_of_it(name: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    path, expected = TABLES[name](data)
    proposal = propose([str(path)])
    found = roles(proposal)
    assert {header: found[header] for header in expected} == expected
    assert not proposal.questions
    # the file that is written reads the rows, but for those without a key
    file = tmp_path / "domain.toml"
    file.write_text(write_toml(proposal), encoding="utf-8")
    domain = domain_from_toml(file)
    assert domain.schema == proposal.schema
    assert domain.reader == proposal.reader
    assert sum(len(batch.records) for batch in open_source([str(path)], domain.reader).batches()) == proposal.rows


def column(proposal: Proposal, name: str) -> dict[str, object]:
    return {each.name: vars(each) for each in proposal.reader.columns}[name]


def test_a_reader_says_how_values_are_written(tmp_path: Path) -> None:
    path, _ = TABLES["bank_statements"](tmp_path)
    proposal = propose([str(path)])
    assert (proposal.reader.encoding, proposal.reader.delimiter, proposal.reader.skip) == ("cp1252", ";", 3)
    assert column(proposal, "Betrag")["thousands"] == "."
    assert column(proposal, "Betrag")["decimal"] == ","
    assert column(proposal, "Buchungstag")["time_format"] == "%d.%m.%Y"


@pytest.mark.parametrize(
    ("below", "settings"),
    [
        ("Total;;;1234\n", {"skip_last": 1}),
        ("\nSumme;;;99,5\n\n(60 rows affected)\n", {"skip_last": 2}),
        ("-- end of the report --", {"skip_last": 1}),
        ("who;at;shop;amount\nu1;2024-02-01 10:00;s1;3.5\n", {"repeated_header": "skip"}),
        ("Totalia;2024-02-01 10:00;s1;3.5\n", {}),
    ],
)
def test_lines_below_the_rows_are_left_out(tmp_path: Path, below: str, settings: dict[str, object]) -> None:
    rows = "".join(f"u{k % 7};2024-01-{k % 28 + 1:02d} 10:00;s{k % 3};{k % 5 + 0.5}\n" for k in range(60))
    path = tmp_path / "x.csv"
    path.write_text("who;at;shop;amount\n" + rows + below)
    proposal = propose([str(path)])
    reader = proposal.reader
    assert (reader.skip_last, reader.repeated_header) == (
        settings.get("skip_last", 0),
        settings.get("repeated_header", "refuse"),
    )
    assert bool(settings) == any("leaves them out" in note for note in proposal.notes)
    types = {each.name: each.type for each in reader.columns}
    assert (types["at"], types["amount"]) == ("timestamp", "float64")
    assert sum(len(batch.records) for batch in open_source([str(path)], reader).batches()) == proposal.rows


@pytest.mark.parametrize(
    ("written", "settings"),
    [
        ("{h}:{m:02}:{s:02}", ("s", None)),
        ("{m:02}:{s:02}", ("s", "m:ss")),
        ("PT{h}H{m}M{s}S", ("s", None)),
        ("{h} days 0{h}:{m:02}:{s:02}", ("s", None)),
        ("{h}h {m}min", ("s", None)),
    ],
)
def test_durations_are_numbers_of_seconds(tmp_path: Path, written: str, settings: tuple[str, str | None]) -> None:
    draw = Random(1)
    rows = [
        f"u{draw.randrange(40)},2024-01-{1 + k % 28:02} 10:{k % 60:02},"
        f"{written.format(h=draw.randrange(5), m=draw.randrange(60), s=draw.randrange(60))}"
        for k in range(900)
    ]
    path = tmp_path / "calls.csv"
    path.write_text("\n".join(["user,at,duration", *rows]) + "\n")
    proposal = propose([str(path)])
    assert roles(proposal)["duration"] == "numeric"
    found = column(proposal, "duration")
    assert (found["duration_unit"], found["duration_clock"]) == settings
    assert sum(len(batch.records) for batch in open_source([str(path)], proposal.reader).batches()) == 900


def test_times_that_are_all_at_midnight_have_no_hours(tmp_path: Path) -> None:
    rows = [
        f"u{row % 40},07/{1 + row % 28:02}/2013 12:00:00 AM,08/{1 + row % 27:02}/2013 12:00:00 AM,{row * 7 % 13}"
        for row in range(900)
    ]
    path = tmp_path / "cards.csv"
    path.write_text("\n".join(["user,bought,posted,what", *rows]) + "\n")
    schema = propose([str(path)]).schema
    parts = {spec.name: spec.parts for spec in schema.fields if isinstance(spec, Timestamp)}
    assert set(parts) == {"bought", "posted"}
    assert not any("hour" in each for each in parts.values())


def test_numbers_of_many_kinds_have_buckets_of_their_kind(tmp_path: Path) -> None:
    path, _ = TABLES["chart_events"](tmp_path)
    fields = {spec.name: spec for spec in propose([str(path)]).schema.fields}
    assert fields["valuenum"].by == "itemid"
    assert list(fields).index("itemid") < list(fields).index("valuenum")


def test_namibia_is_a_country_and_zeros_are_kept(tmp_path: Path) -> None:
    path, _ = TABLES["telecom"](tmp_path)
    proposal = propose([str(path)])
    assert column(proposal, "country")["null"] is None
    assert column(proposal, "msisdn")["type"] == "string"
    assert column(proposal, "ts")["time_unit"] == "ms"
    assert column(proposal, "cost")["prefix"] == "€"
    assert next(spec for spec in proposal.schema.fields if spec.name == "tower").separator == "/"


def test_spellings_of_null_are_not_values(tmp_path: Path) -> None:
    path, _ = TABLES["hospital"](tmp_path)
    proposal = propose([str(path)])
    assert column(proposal, "fecha_alta")["null"] == ("", "0000-00-00")
    assert column(proposal, "peso")["null"] == ("", "-1")
    assert column(proposal, "urgente")["true"] == ("sí",)


def test_ambiguous_dates_are_a_question_that_only_the_user_answers(tmp_path: Path) -> None:
    rows = [[f"c{k % 40}", f"{1 + k * 5 % 12:02d}/{1 + k * 7 % 12:02d}/2023", "abc"[k % 3]] for k in range(900)]
    path = write_rows(tmp_path / "dates.csv", rows, "client date kind")
    (question,) = propose([str(path)]).questions
    assert question.key == "day_first"
    assert question.is_needed
    for day_first, expected in ((True, "%d/%m/%Y"), (False, "%m/%d/%Y")):
        proposal = propose([str(path)], UserChoices(day_first=day_first))
        assert not proposal.questions
        assert column(proposal, "date")["time_format"] == expected


def test_the_order_of_the_rows_decides_day_and_month(tmp_path: Path) -> None:
    # the days 1 to 12 of each month, one after the other
    rows = [
        [f"c{k % 9}", f"{1 + k % 12:02d}/{1 + k // 12 % 12:02d}/{2000 + k // 144}", "abc"[k % 3]] for k in range(600)
    ]
    proposal = propose([str(write_rows(tmp_path / "dates.csv", rows, "client date kind"))])
    assert not proposal.questions
    assert column(proposal, "date")["time_format"] == "%d/%m/%Y"


def test_a_table_with_one_row_an_entity_is_refused(tmp_path: Path) -> None:
    rows = [[k, "mf"[k % 2], k * 7 % 80, "abc"[k % 3]] for k in range(300)]
    path = write_rows(tmp_path / "people.csv", rows, "PassengerId Sex Age Class")
    with pytest.raises(ProposalError, match="one row an entity"):
        propose([str(path)])


def test_a_table_of_one_device_asks_for_its_entity(tmp_path: Path) -> None:
    rows = [
        [f"2024-01-{1 + k // 96:02d} {k // 4 % 24:02d}:{15 * (k % 4):02d}", round(20 + k % 37 / 10, 1)]
        for k in range(2_000)
    ]
    path = write_rows(tmp_path / "sensor.csv", rows, "Timestamp Temperature")
    with pytest.raises(ProposalError, match="--entity"):
        propose([str(path)])


def test_lists_in_lines_are_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "lists.txt"
    path.write_text("".join(f"{k} {' '.join(map(str, range(3 + k % 9)))}\n" for k in range(200)))
    with pytest.raises(SourceError, match="write one row an event"):
        propose([str(path)])


def test_files_of_several_tables_are_refused(tmp_path: Path) -> None:
    write_rows(tmp_path / "a.csv", [[1, 2, 3]] * 9, "user item price")
    write_rows(tmp_path / "b.csv", [["x", "y", "z"]] * 9, "city land people")
    with pytest.raises(SourceError, match="2 tables"):
        propose([str(tmp_path)])


def test_answers_come_before_guesses(tmp_path: Path) -> None:
    path, _ = TABLES["cards"](tmp_path)
    answers = UserChoices(
        entity=("User", "Card"), labels=("none",), left_out=("MCC",), encoders={"Merchant Name": "text"}
    )
    found = roles(propose([str(path)], answers))
    assert found["User"] == found["Card"] == "entity"
    assert found["Is Fraud?"] == "categorical"
    assert found["MCC"] == "out"
    assert found["Merchant Name"] == "text"


def test_a_wrong_name_in_an_answer_lists_the_columns(tmp_path: Path) -> None:
    path, _ = TABLES["cards"](tmp_path)
    with pytest.raises(LookupError, match="'User'"):
        propose([str(path)], UserChoices(entity=("Usr",)))


def test_a_loyalty_number_is_who_and_a_date_without_marks_is_when(tmp_path: Path) -> None:
    path = tmp_path / "coupons.csv"
    rows = []
    for row in range(1_800):
        at = f"202403{1 + row // 90:02} {row // 4 % 24:02}{row % 60:02}00"
        rows.append(f"LH{row // 3 % 60 * 7919:06},{'YBM'[row % 3]}LG{row % 70},{at}")
    path.write_text("\n".join(["FFPNumber,FareBasis,scanned", *rows]) + "\n")
    proposal = propose([str(path)])
    assert (proposal.schema.entity, proposal.schema.time) == (("FFPNumber",), "scanned")
    assert column(proposal, "scanned")["time_format"] == "%Y%m%d %H%M%S"
