"""`encode`: what it says and writes, and what it refuses."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from click.testing import Result

Run = Callable[..., Result]
Data = Callable[..., dict[str, Any]]

WANTED = (
    "entities", "events", "tokens", "tokens_per_event", "base_tokens_per_event", "vocabulary_size", "spelled",
    "hashed", "clipped", "missing", "rows_in", "rows_refused",
)  # fmt: skip
HEADER = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"
ROW = "2019-10-01 00:00:00 UTC,view,1,2,a.b,x,1.5,{user},s\n"

REES46 = Path("../shared/data/rees46/2019-Oct-head.csv")
TALKINGDATA = Path("../shared/data/talkingdata/train_sample.csv.gz")


def test_a_sample(as_data: Data, tmp_path: Path) -> None:
    data = as_data("encode", "-d", "ecommerce", "--events", 700, "--seed", 3, "-o", tmp_path / "out")
    assert not [name for name in WANTED if name not in data]
    assert data["events"] == data["rows_in"] == 700
    assert data["rows_refused"] == 0
    assert data["refused_file"] is None
    assert data["tokens_per_event"] == pytest.approx(data["tokens"] / 700, abs=1e-4)
    assert sum(split["entities"] for split in data["splits"].values()) == data["entities"]
    assert data["missing"] == sum(each["missing"] for each in data["fields"].values())
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "README.md",
        "manifest.json",
        "shards",
        "tokenizer",
    ]


def test_output_for_people(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("encode", "-d", "ecommerce", "--events", 500)
    assert result.exit_code == 0
    assert "500 simulated" in result.stdout
    assert "[event_type=view]" in result.stdout
    assert "written to ecommerce-streams" in result.stdout
    assert "\x1b" not in result.stdout
    assert result.stderr == ""
    assert (tmp_path / "ecommerce-streams" / "manifest.json").exists()


@pytest.mark.slow
def test_output_that_is_there_is_kept_unless_told(run: Run, as_data: Data, tmp_path: Path) -> None:
    out = tmp_path / "out"
    as_data("encode", "-d", "ads", "--events", 300, "-o", out)
    before = (out / "manifest.json").read_bytes()
    again = run("encode", "-d", "ads", "--events", 200, "-o", out)
    assert again.exit_code == 1
    assert "--overwrite" in again.stderr
    assert (out / "manifest.json").read_bytes() == before
    assert as_data("encode", "-d", "ads", "--events", 200, "-o", out, "--overwrite")["events"] == 200


def test_something_else_is_never_replaced(run: Run, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    for more in ((), ("--overwrite",)):
        result = run("encode", "-d", "ads", "-o", tmp_path, *more)
        assert result.exit_code == 1
        assert "already holds something else (letter.txt)" in result.stderr
    result = run("encode", "-d", "ads", "-o", tmp_path / "letter.txt")
    assert (result.exit_code, "is a file" in result.stderr) == (1, True)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.slow
def test_a_tokenizer_of_one_s_own(run: Run, as_data: Data, tmp_path: Path, rows_file: Path) -> None:
    fitted = as_data("fit", "-d", "ecommerce", rows_file, "-o", tmp_path / "tokenizer")
    out = as_data("encode", "-d", "ecommerce", rows_file, "-o", tmp_path / "a", "--tokenizer", tmp_path / "tokenizer")
    assert out["vocabulary_hash"] == fitted["vocabulary_hash"]
    alone = as_data("encode", "-d", "ecommerce", rows_file, "-o", tmp_path / "b")
    assert (tmp_path / "a" / "manifest.json").read_bytes() == (tmp_path / "b" / "manifest.json").read_bytes()
    assert alone["events"] == out["events"]
    other = run("encode", "-d", "ads", "-o", tmp_path / "c", "--tokenizer", tmp_path / "tokenizer")
    assert (other.exit_code, "another schema" in other.stderr) == (2, True)


def test_a_schema_file(as_data: Data, tmp_path: Path) -> None:
    schema = 'entity = "who"\ntime = "at"\n[[fields]]\ntype = "categorical"\nname = "what"\n'
    (tmp_path / "visits.toml").write_text(schema)
    (tmp_path / "visits.csv").write_text(
        "who,at,what\n1,2024-01-01T10:00,in\n1,2024-01-01T11:00,out\n2,2024-01-02,in\n"
    )
    data = as_data("encode", "--schema", tmp_path / "visits.toml", tmp_path / "visits.csv", "-o", tmp_path / "out")
    assert (data["entities"], data["events"]) == (2, 3)


def _bad_files(folder: Path) -> dict[str, tuple[Path, str]]:
    """Files of every wrong kind, and words of what is said about each."""

    def written(name: str, data: bytes) -> Path:
        path = folder / name
        path.write_bytes(data)
        return path

    good = (HEADER + ROW.format(user=1)).encode()
    closed = written("closed.csv", good)
    closed.chmod(0)
    table = pa.table({"event_time": ["x"]})
    pyarrow.parquet.write_table(table, folder / "few.parquet")
    return {
        "missing": (folder / "nowhere.csv", "nowhere.csv"),
        "empty": (written("empty.csv", b""), "empty"),
        "folder": (folder / "none", "none"),
        "header only": (written("header.csv", HEADER.encode()), "no rows"),
        "damaged header": (
            written("damaged.csv", good.replace(b"user_id", b"..user_id")),
            "--column user_id=..user_id",
        ),
        "missing column": (written("short.csv", b"a,b\n1,2\n"), "expected columns with the headers"),
        "column twice": (written("twice.csv", good.replace(b"category_id", b"brand")), "2 times"),
        "wrong type": (written("type.csv", good.replace(b"1.5", b"cheap")), "'cheap'"),
        "null key": (written("null.csv", good + ROW.format(user="").encode()), "column 'user_id'"),
        "bad time": (written("time.csv", good.replace(b"2019-10-01 00", b"2019-13-01 00")), "event_time"),
        "not UTF-8": (written("latin.csv", good.replace(b",x,", b",caf\xe9,")), "brand"),
        "broken quoting": (written("quote.csv", good.replace(b",x,", b',"x,')), "quot"),
        "cut short": (written("cut.csv", good + b"2019-10-01 00:00:00 UTC,vi"), "columns, but the header has 9"),
        "an image": (written("image.png", b"\x89PNG\r\n\x1a\n" + bytes(99)), "image.png"),
        "half a gzip": (written("half.csv.gz", b"\x1f\x8b\x08\x00" + bytes(6)), "half.csv.gz"),
        "not Parquet": (written("bad.parquet", b"PAR1" + bytes(40)), "bad.parquet"),
        "Parquet without columns": (folder / "few.parquet", "expected a column"),
        **({} if os.geteuid() == 0 else {"no permission": (closed, "permission")}),
    }


@pytest.mark.slow
def test_bad_files_have_status_1_and_say_why(run: Run, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    for name, (path, words) in _bad_files(tmp_path).items():
        result = run("encode", "-d", "ecommerce", path, "-o", tmp_path / "out")
        assert result.exit_code == 1, (name, result.output)
        assert words in result.stderr, (name, result.stderr)
        assert "Traceback" not in result.output
        assert not (tmp_path / "out" / "manifest.json").exists(), name


def test_nothing_is_lost_in_quarantine(as_data: Data, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    bad = ROW.format(user=""), ROW.format(user=3).replace("2019-10-01", "yesterday"), "cut,off"
    path.write_text(HEADER + "".join(ROW.format(user=user) for user in range(9)) + "".join(bad), newline="\r\n")
    data = as_data("encode", "-d", "ecommerce", path, "-o", tmp_path / "out", "--on-bad-rows", "quarantine")
    assert (data["rows_in"], data["rows_refused"], data["events"]) == (12, 3, 9)
    lines = Path(data["refused_file"]).read_text().splitlines()
    assert len(lines) == 4
    assert run("verify", tmp_path / "out", path).exit_code == 0


def test_other_headers(run: Run, as_data: Data, tmp_path: Path, rows_file: Path) -> None:
    text = rows_file.read_text().replace("user_id", "..user_id", 1)
    (tmp_path / "rows.csv").write_text(text)
    data = as_data(
        "encode", "-d", "ecommerce", tmp_path / "rows.csv", "--column", "user_id=..user_id", "-o", tmp_path / "o"
    )
    assert data["events"] == 1_500
    assert run("verify", tmp_path / "o", tmp_path / "rows.csv").exit_code == 0


def test_an_output_that_cannot_be_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed").chmod(stat.S_IRUSR | stat.S_IXUSR)
    (tmp_path / "file").write_text("")
    places = ["file/out"] if os.geteuid() == 0 else ["file/out", "closed/out"]
    for place in places:
        result = run("encode", "-d", "ads", "--events", 100, "-o", tmp_path / place)
        assert result.exit_code == 1, result.output
        assert place in result.stderr


WITH_SIGINT = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from domaintoolkit.cli import main
main()
"""
"""A shell starts background jobs with SIGINT ignored, and the tests may be one."""


@pytest.mark.slow
def test_ctrl_c_ends_cleanly_and_the_same_command_continues(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITH_SIGINT, "encode", "-d", "ecommerce"]
    command += ["--events", "400000", "-o", str(tmp_path / "out"), "--memory", "100MB"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for _ in range(600):
            if (tmp_path / "out" / "unfinished.json").exists():
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "interrupted" in said
    assert "Traceback" not in said


@pytest.mark.slow
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_goes_away(tmp_path: Path, unbuffered: str) -> None:
    code = "from domaintoolkit.cli import main; main()"
    command = f"{sys.executable} -c '{code}' encode -d ads --events 300 -o {tmp_path}/out | true"
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, env=environment)
    assert done.stderr == ""


WITHOUT_PANDAS = """
import sys
from domaintoolkit.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert not end.code
assert "pandas" not in sys.modules
"""


@pytest.mark.slow
def test_pandas_is_not_imported(tmp_path: Path) -> None:
    options = ["encode", "-d", "ads", "--events", "300", "-o", str(tmp_path / "out")]
    subprocess.run([sys.executable, "-c", WITHOUT_PANDAS, *options], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.slow
@pytest.mark.skipif(not REES46.exists(), reason="needs ../shared/data/rees46")
def test_the_real_shop(run: Run, as_data: Data, tmp_path: Path) -> None:
    refused = run("encode", "-d", "ecommerce", REES46, "-o", tmp_path / "out")
    assert refused.exit_code == 1
    assert "row 17434" in refused.stderr
    data = as_data("encode", "-d", "ecommerce", REES46, "-o", tmp_path / "out", "--on-bad-rows", "quarantine")
    assert (data["entities"], data["events"], data["rows_in"], data["rows_refused"]) == (4_504, 17_434, 17_435, 1)
    missing = [data["fields"][name]["missing"] for name in ("category_code", "brand")]
    assert missing == [5_746, 2_477]
    found = as_data("verify", tmp_path / "out", REES46)
    assert found["holds"]
    for name in ("event_type", "category_code", "brand"):
        assert found["fields"][name]["exact"] == 17_434


@pytest.mark.slow
@pytest.mark.skipif(not TALKINGDATA.exists(), reason="needs ../shared/data/talkingdata")
def test_real_clicks(run: Run, as_data: Data, tmp_path: Path) -> None:
    damaged = run("encode", "-d", "ads", TALKINGDATA, "-o", tmp_path / "out")
    assert damaged.exit_code == 1
    assert "--column ip=..ip" in damaged.stderr
    data = as_data("encode", "-d", "ads", TALKINGDATA, "-o", tmp_path / "out", "--column", "ip=..ip")
    assert data["events"] == 100_000
    assert as_data("verify", tmp_path / "out", TALKINGDATA)["holds"]


def test_another_delimiter_is_hinted_at_and_remembered(run: Run, as_data: Data, tmp_path: Path) -> None:
    rows = (HEADER + ROW.format(user=1) + ROW.format(user=2)).replace(",", ";")
    (tmp_path / "rows.csv").write_text(rows)
    refused = run("encode", "-d", "ecommerce", tmp_path / "rows.csv", "-o", tmp_path / "out")
    assert refused.exit_code == 1
    assert "split by ';', not by ',': give --delimiter ';'" in refused.stderr
    as_data("encode", "-d", "ecommerce", "--delimiter", ";", tmp_path / "rows.csv", "-o", tmp_path / "out")
    assert as_data("verify", tmp_path / "out", tmp_path / "rows.csv")["holds"]
    (tmp_path / "tabs.csv").write_text(rows.replace(";", "\t"))
    data = as_data("encode", "-d", "ecommerce", "--delimiter", r"\t", tmp_path / "tabs.csv", "-o", tmp_path / "tabs")
    assert data["events"] == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-d", "ads", "--delimiter", ";"), "there are no FILES"),
        (
            ("-d", "ads", "--delimiter", ";", "--engine", "spark", "x.csv"),
            "--delimiter has no effect with --engine spark",
        ),
    ],
)
def test_delimiters_that_cannot_be(run: Run, options: tuple[str, ...], message: str, tmp_path: Path) -> None:
    result = run("encode", *options, "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert message in result.stderr
