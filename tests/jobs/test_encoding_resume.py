"""Interrupted encodings: whatever ends a run, the next one finishes it, with the bytes of an undisturbed run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from event_rows import READER, SCHEMA, contents, events

from domaintoolkit.errors import ArtifactError, Interrupted, OutputError, SourceError
from domaintoolkit.jobs.encoding import encode
from domaintoolkit.jobs.partition import shard_writer
from domaintoolkit.reading.source import Source, open_source
from domaintoolkit.schema import to_toml
from domaintoolkit.storage.resume_state import STATE, ResumeState
from domaintoolkit.storage.shards import write_shard
from domaintoolkit.tokenizer import DomainTokenizer

TABLE = events(2000)
TOKENIZER = DomainTokenizer(SCHEMA, threads=1).fit(TABLE)
OPTIONS: dict[str, Any] = {"shards": 6, "threads": 1}


class Crash(BaseException):
    """Ends a run without its doing anything more."""


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """The rows as a file."""
    pa.parquet.write_table(TABLE, tmp_path / "events.parquet")
    return open_source(tmp_path / "events.parquet", READER)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """All files of an undisturbed run."""
    folder = tmp_path_factory.mktemp("reference")
    pa.parquet.write_table(TABLE, folder / "events.parquet")
    encode(TOKENIZER, open_source(folder / "events.parquet", READER), folder / "out", **OPTIONS)
    return contents(folder / "out")


def run(source: Source, out: Path, error: BaseException | None = None, at: int = -1, **options: Any) -> list[int]:
    """Encode, and let `error` strike when shard `at` is to be written; gives the shards that are written."""
    written: list[int] = []

    def write(folder: Path, number: int, table: pa.Table, **options: Any) -> Any:
        if number == at and error is not None:
            raise error
        written.append(number)
        return write_shard(folder, number, table, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shard_writer, "write_shard", write)
        encode(TOKENIZER, source, out, **{**OPTIONS, **options})
    return written


@pytest.mark.slow
@pytest.mark.parametrize("memory", ["2GB", "20kB"])
@pytest.mark.parametrize("shard", [0, 1, 5])
def test_a_crash_at_any_shard(
    tmp_path: Path, source: Source, reference: dict[str, bytes], shard: int, memory: str
) -> None:
    out = tmp_path / "out"
    with pytest.raises(Crash):
        run(source, out, Crash(), shard, memory=memory)
    assert run(source, out, memory=memory) == list(range(shard, 6))
    assert contents(out) == reference


@pytest.mark.slow
@pytest.mark.parametrize("call", range(4))
def test_a_crash_at_any_save_of_the_state(
    tmp_path: Path, source: Source, reference: dict[str, bytes], call: int
) -> None:
    calls: list[ResumeState] = []
    save = ResumeState.save

    def crash(state: ResumeState, folder: Path) -> None:
        calls.append(state)
        if len(calls) == call + 1:
            raise Crash
        save(state, folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ResumeState, "save", crash)
        with pytest.raises(Crash):
            run(source, tmp_path / "out", memory="20kB")
    encode(TOKENIZER, source, tmp_path / "out", memory="20kB", **OPTIONS)
    assert contents(tmp_path / "out") == reference


@pytest.mark.slow
def test_the_rows_are_not_parted_twice(tmp_path: Path, source: Source) -> None:
    with pytest.raises(Crash):
        run(source, tmp_path / "out", Crash(), 3, memory="20kB")
    stages: list[str] = []
    run(source, tmp_path / "out", memory="20kB", progress=lambda stage, done, total: stages.append(stage))
    assert set(stages) == {"encoding"}


def test_ctrl_c_says_how_to_go_on(tmp_path: Path, source: Source, reference: dict[str, bytes]) -> None:
    with pytest.raises(Interrupted, match="2 of 6 shards are finished; run the"):
        run(source, tmp_path / "out", KeyboardInterrupt(), 2)
    encode(TOKENIZER, source, tmp_path / "out", **OPTIONS)
    assert contents(tmp_path / "out") == reference


def test_a_full_disk_keeps_what_is_finished(tmp_path: Path, source: Source, reference: dict[str, bytes]) -> None:
    said = "No space left on device; 4 of 6 shards are finished; run the same command again"
    with pytest.raises(OutputError, match=said):
        run(source, tmp_path / "out", OutputError("shards/00004.arrow", "No space left on device"), 4)
    assert encode(TOKENIZER, source, tmp_path / "out", **OPTIONS).resumed == 4
    assert contents(tmp_path / "out") == reference


def interrupted(folder: Path, source: Any) -> None:
    """Leave an encoding with three finished shards."""
    with pytest.raises(Crash):
        run(source, folder, Crash(), 3)


def test_what_a_kill_leaves_half_written_is_cleared(
    tmp_path: Path, source: Source, reference: dict[str, bytes]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / ".unfinished.json.0123.partial").touch()
    interrupted(out, source)
    (out / "shards" / ".00003.arrow.0123.partial").touch()
    (out / ".tokenizer.0123").mkdir()
    run(source, out)
    assert contents(out) == reference


def test_a_changed_input_is_named(tmp_path: Path, source: Source) -> None:
    path, out = tmp_path / "events.parquet", tmp_path / "out"
    interrupted(out, source)
    before = contents(out)
    raw, status = path.read_bytes(), path.stat()
    path.write_bytes(raw[:100] + bytes([raw[100] ^ 1]) + raw[101:])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(SourceError, match=r"events\.parquet: has changed since .* \(checksum\)"):
        encode(TOKENIZER, source, out, **OPTIONS)
    path.write_bytes(raw)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 10**9))
    with pytest.raises(SourceError, match=r"events\.parquet: has changed since .* \(time of change\)"):
        encode(TOKENIZER, source, out, **OPTIONS)
    pa.parquet.write_table(TABLE.slice(1), path)
    with pytest.raises(SourceError, match=r"events\.parquet: has changed since .* \(size\)"):
        encode(TOKENIZER, source, out, **OPTIONS)
    path.unlink()
    with pytest.raises(SourceError, match=r"events\.parquet: "):
        encode(TOKENIZER, source, out, **OPTIONS)
    assert contents(out) == before


def test_an_input_that_changes_while_it_is_read_is_named(
    tmp_path: Path, source: Source, reference: dict[str, bytes]
) -> None:
    path, out = tmp_path / "events.parquet", tmp_path / "out"
    with pytest.raises(SourceError, match=r"events\.parquet: has changed since .* \(time of change\)"):
        encode(TOKENIZER, source, out, progress=lambda *_: os.utime(path, ns=(0, 0)), **OPTIONS)
    assert not (out / "shards").exists()
    encode(TOKENIZER, source, out, **OPTIONS)
    assert contents(out) == reference


def test_other_files_options_or_tokenizer_are_refused(tmp_path: Path, source: Source) -> None:
    out = tmp_path / "out"
    interrupted(out, source)
    pa.parquet.write_table(TABLE, tmp_path / "more.parquet")
    with pytest.raises(SourceError, match=r"more\.parquet: was not an input of the unfinished encoding"):
        encode(TOKENIZER, open_source([tmp_path / "events.parquet", tmp_path / "more.parquet"], READER), out, **OPTIONS)
    with pytest.raises(OutputError, match="the options have changed: shards was 6"):
        encode(TOKENIZER, source, out, shards=7)
    other = DomainTokenizer(SCHEMA, threads=1).fit(TABLE.slice(0, 100))
    with pytest.raises(OutputError, match="the tokenizer or the schema is a different one"):
        encode(other, source, out, **OPTIONS)


def test_a_tampered_shard_is_named(tmp_path: Path, source: Source) -> None:
    out = tmp_path / "out"
    interrupted(out, source)
    path = out / "shards" / "00001.arrow"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(ArtifactError, match=r"00001\.arrow: was altered"):
        encode(TOKENIZER, source, out, **OPTIONS)


def test_a_damaged_state_is_named(tmp_path: Path, source: Source) -> None:
    out = tmp_path / "out"
    interrupted(out, source)
    (out / STATE).write_text((out / STATE).read_text().replace('"shards": 6', '"shards": 5'))
    with pytest.raises(ArtifactError, match=r"unfinished\.json: was altered"):
        encode(TOKENIZER, source, out, **OPTIONS)


SCRIPT = """
import sys
from pathlib import Path
from domaintoolkit.jobs.encoding import encode
from domaintoolkit.reading.source import open_source
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.schema import Reader, from_toml
folder = Path(sys.argv[1])
source = open_source(folder / "events.parquet", from_toml(Reader, folder / "reader.toml"))
print("ready", flush=True)
tokenizer = DomainTokenizer.load(folder / "tokenizer", threads=1)
encode(tokenizer, source, folder / "out", shards=40, threads=1, memory="20kB")
"""


@pytest.mark.slow
def test_sigkill_at_random_moments(tmp_path: Path) -> None:
    pa.parquet.write_table(TABLE, tmp_path / "events.parquet")
    (tmp_path / "reader.toml").write_text(to_toml(READER))
    TOKENIZER.save(tmp_path / "tokenizer")
    draw = np.random.default_rng(4)
    kills = 0
    for latest in (0.0, 0.2, 0.4):  # the first is killed before it can end, on any machine
        killed = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path)], stdout=subprocess.PIPE)
        assert killed.stdout is not None
        killed.stdout.readline()
        time.sleep(float(draw.uniform(0, latest)))
        killed.send_signal(signal.SIGKILL)
        killed.stdout.close()
        kills += killed.wait() == -signal.SIGKILL
    source = open_source(tmp_path / "events.parquet", READER)
    if not (tmp_path / "out" / "manifest.json").exists() or (tmp_path / "out" / STATE).exists():
        encode(TOKENIZER, source, tmp_path / "out", shards=40, threads=1, memory="20kB")
    encode(TOKENIZER, source, tmp_path / "undisturbed", shards=40, threads=1)
    assert kills
    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")
