"""The commands that are disturbed, those that are refused, and the files that they read."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

SCHEMA = """
entity = "user"
time = "at"
session = "visit"
labels = ["bought"]
static = [{ name = "country", type = "categorical" }]
fields = [
  { name = "what", type = "categorical", max_size = 6 },
  { name = "price", type = "numeric", bins = 8 },
  { name = "note", type = "text", vocabulary_size = 300 },
  { name = "at", type = "timestamp" },
]
"""
TEMPORARY = "system-temporary"
"""The folder for temporary files of the whole machine, as far as the commands know."""
HEAD = "user,at,visit,bought,country,what,price,note"


def rows(first: int, count: int, users: int = 60, day: int = 1) -> list[str]:
    """Lines of a CSV file: the visits of users on one day of 2024, some with values that later days lack."""
    draw = random.Random(first * 1000 + day)
    lines = []
    for number in range(first, first + count):
        user = draw.randrange(users)
        at = f"2024-01-{day:02} {draw.randrange(24):02}:{draw.randrange(60):02}:{number % 60:02}"
        price = f"{draw.lognormvariate(3, 1):.2f}" if draw.random() < 0.9 else ""
        note = " ".join(draw.choice(["red", "green", "shoe", "lamp", f"day{day}"]) for _ in range(3))
        what = draw.choice(["view", "cart", "buy", f"new{day}"])
        lines.append(f"u{user},{at},{user}/{day},{number % 7 == 0},c{user % 3},{what},{price},{note}")
    return lines


@dataclass(frozen=True)
class Scenario:
    """A command, and the commands that make its folder ready."""

    command: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ()
    claims: tuple[str, ...] = ()
    """Files that say, once they are there, that they are whole, and so is the folder that they are in."""


ENCODE = ("encode", "--schema", "schema.toml", "a.csv", "-o", "out", "--shards", "3", "--threads", "1")
APPEND = ("encode", "--append", "b.csv", "-o", "out", "--threads", "1")
FIT = ("fit", "--schema", "schema.toml", "a.csv", "-o", "tokenizer", "--threads", "1")
TRAIN = (
    "train", "out", "-o", "run", "--family", "event", "--preset", "54k", "--block", "64", "--batch", "2",
    "--steps", "3", "--evaluate-every", "2", "--checkpoint-every", "1", "--evaluate-blocks", "1", "--keep", "1",
    "--no-report",
)  # fmt: skip
LONG = ("encode", "--schema", "schema.toml", "long.csv", "-o", "out", "--shards", "2", "--threads", "1")
LABELS = ("--labels", "labels.csv")
FINETUNE = (
    "finetune", "run", "out", *LABELS, "-o", "tuned", "--fuse", "age", "--epochs", "1", "--batch", "16",
    "--evaluations", "2", "--device", "cpu", "--no-compare",
)  # fmt: skip
NEW = ("new", "shop", "--from", "a.csv", "--out", "plugin", "--yes")
STUDY = ("study", "study.toml", "out", "-o", "study", "--jobs", "1", "--summary", "found.md")
FIGURES = ("report", "out", "-o", "page.html", "--figures", "figures", "--entities", "5")
STREAMS, RUN, PAGE = ("out/manifest.json",), ("run/result.json",), ("page.html",)
TRAINED = (ENCODE, TRAIN)
SCENARIOS = {
    "encode": Scenario(ENCODE, claims=STREAMS),
    "encode-on-disk": Scenario((*ENCODE, "--memory", "20kB", "--temporary", "temporary"), claims=STREAMS),
    "encode-quarantine": Scenario((*ENCODE, "bad.csv", "--on-bad-rows", "quarantine"), claims=STREAMS),
    "encode-overwrite": Scenario((*ENCODE, "b.csv", "--overwrite"), (ENCODE,), STREAMS),
    "append": Scenario(APPEND, (ENCODE,)),
    "append-on-disk": Scenario((*APPEND, "--memory", "20kB", "--temporary", "temporary"), (ENCODE,)),
    "append-quarantine": Scenario((*APPEND, "late.csv", "bad.csv", "--on-bad-rows", "quarantine"), (ENCODE,)),
    "append-rewrite": Scenario((*APPEND, "late.csv", "--rewrite"), (ENCODE,)),
    "append-extended": Scenario(
        (*APPEND, "--tokenizer", "tokenizer"), (ENCODE, FIT, ("fit", "--extend", "tokenizer", "b.csv"))
    ),
    "fit": Scenario((*FIT, "--composites", "20"), claims=("tokenizer/tokenizer.json",)),
    "fit-overwrite": Scenario((*FIT, "b.csv", "--overwrite"), (FIT,), ("tokenizer/tokenizer.json",)),
    "extend": Scenario(
        ("fit", "--extend", "tokenizer", "b.csv", "--threads", "1"), (FIT,), ("tokenizer/tokenizer.json",)
    ),
    "decode": Scenario(("decode", "out", "-o", "rows.csv"), (ENCODE,), ("rows.csv",)),
    "export": Scenario(
        ("export", "out", "--streams", "s.parquet", "--vocabulary", "v.csv", "--huggingface", "hf"), (ENCODE,),
        ("s.parquet", "v.csv", "hf/tokenizer.json"),
    ),
    "export-overwrite": Scenario(
        ("export", "out", "--streams", "s.parquet", "--vocabulary", "v.csv", "--huggingface", "hf", "--overwrite"),
        (
            (*ENCODE[:2], "small.toml", *ENCODE[3:]),
            ("export", "out", "--streams", "s.parquet", "--vocabulary", "v.csv", "--huggingface", "hf"),
            (*ENCODE, "--overwrite"),
        ),
        ("s.parquet", "v.csv", "hf/tokenizer.json"),
    ),
    "inspect": Scenario(("inspect", "out", "--entity", "u1", "--html", "page.html"), (ENCODE,), PAGE),
    "suggest": Scenario(("suggest", "out", "-o", "better.toml"), (ENCODE,), ("better.toml",)),
    "train": Scenario(TRAIN, (ENCODE,), RUN),
    "train-page": Scenario(TRAIN[:-1], (ENCODE,), RUN),
    "train-overwrite": Scenario((*TRAIN, "--seed", "1", "--overwrite"), TRAINED, RUN),
    "finetune": Scenario(FINETUNE, TRAINED, ("tuned/result.json",)),
    "finetune-overwrite": Scenario(
        (*FINETUNE, "--seed", "1", "--overwrite"), (*TRAINED, FINETUNE), ("tuned/result.json",)
    ),
    "predict": Scenario(
        ("predict", "tuned", "out", *LABELS, "-o", "p.csv", "--device", "cpu"), (*TRAINED, FINETUNE), ("p.csv",)
    ),
    "evaluate": Scenario(("evaluate", "out", *LABELS, "--probe", "linear", "--resamples", "20"), TRAINED),
    "embed": Scenario(("embed", "run", "out", "-o", "e.parquet", "--device", "cpu"), TRAINED, ("e.parquet",)),
    "embed-labels": Scenario(
        ("embed", "run", "out", "--at", "labels.csv", "-o", "e.parquet", "--device", "cpu"), TRAINED, ("e.parquet",)
    ),
    "generate": Scenario(
        ("generate", "run", "--count", "2", "--events", "3", "--table", "g.parquet", "--device", "cpu"), TRAINED,
        ("g.parquet",),
    ),
    "encode-long": Scenario((*LONG, "--memory", "60kB", "--temporary", "temporary"), claims=STREAMS),
    "sample": Scenario(("sample", "ecommerce", "-o", "s.csv", "--events", "50"), claims=("s.csv",)),
    "new": Scenario(NEW, claims=("plugin/pyproject.toml",)),
    "new-overwrite": Scenario((*NEW, "b.csv", "--overwrite"), (NEW,), ("plugin/pyproject.toml",)),
    "report": Scenario(("report", "out", "-o", "page.html", "--entities", "5"), (ENCODE,), PAGE),
    "report-figures": Scenario(FIGURES, (ENCODE,), PAGE),
    "report-overwrite": Scenario((*FIGURES[:-1], "9", "--overwrite"), (ENCODE, FIGURES), PAGE),
    "report-run": Scenario(
        ("report", "run", "-o", "page.html", "--projector", "p", "--atlas", "a.parquet", "--figures", "figures",
         "--entities", "5"),
        TRAINED, PAGE,
    ),
    "study": Scenario(STUDY, (ENCODE,), ("study/study.html",)),
    "study-sample": Scenario(
        ("study", "study.toml", "--domain", "ecommerce", "-o", "study", "--jobs", "1"), (), ("study/study.html",)
    ),
}  # fmt: skip
REFUSED = {
    "encode": Scenario(("encode", "--schema", "schema.toml", "labels.csv", "-o", "new/out")),
    "encode-overwrite": Scenario((*ENCODE, "bad.csv", "--overwrite"), (ENCODE,)),
    "encode-overwrite-late": Scenario(
        ("encode", "--schema", "schema.toml", "bad.csv", "-o", "out", "--tokenizer", "out/tokenizer", "--overwrite"),
        (ENCODE,),
    ),
    "decode": Scenario(("decode", "tokenizer", "-o", "new/rows.csv"), (FIT,)),
    "export": Scenario(
        ("export", "out", "--vocabulary", "v.csv", "--streams", "new/s.parquet", "--composites", "greedy"), (ENCODE,)
    ),
    "report": Scenario(("report", "out", "-o", "new/p.html", "--figures", "out", "--overwrite"), (ENCODE,)),
    "report-run": Scenario(("report", "out", "schema.toml", "-o", "new/p.html"), (ENCODE,)),
    "new": Scenario(("new", "shop", "--from", "a.csv", "--entity", "absent", "--out", "new/p", "--yes")),
    "new-overwrite": Scenario((*NEW, "--entity", "absent", "--overwrite"), (NEW,)),
    "sample": Scenario(("sample", "absent", "-o", "new/s.csv")),
    "study": Scenario(("study", "wrong.toml", "--domain", "ecommerce", "-o", "new/study")),
    "study-streams": Scenario(("study", "wrong.toml", "out", "-o", "new/study", "--summary", "new/s.md"), (ENCODE,)),
    "train": Scenario(("train", "out", "-o", "new/run", "--model", "heads=7", "--no-report"), (ENCODE,)),
    "train-overwrite": Scenario((*TRAIN, "--overwrite", "--model", "heads=7"), TRAINED),
    "finetune": Scenario(("finetune", "run", "out", "--labels", "b.csv", "-o", "new/tuned"), TRAINED),
    "finetune-column": Scenario((*FINETUNE[:-1], "--fuse", "absent", "-o", "new/tuned"), TRAINED),
    "finetune-overwrite": Scenario((*FINETUNE, "--fuse", "absent", "--overwrite"), (*TRAINED, FINETUNE)),
    "finetune-kind": Scenario((*FINETUNE, "--kind", "regression", "-o", "new/tuned"), TRAINED),
    "predict": Scenario(("predict", "run", "out", *LABELS, "-o", "new/p.csv"), TRAINED),
    "predict-column": Scenario(
        ("predict", "tuned", "out", "--labels", "dates.csv", "-o", "new/p.csv"), (*TRAINED, FINETUNE)
    ),
    "embed": Scenario(("embed", "run", "out", "--at", "odd.csv", "-o", "new/e.parquet"), TRAINED),
    "evaluate": Scenario(("evaluate", "run", "out", "--labels", "b.csv"), TRAINED),
    "generate": Scenario(
        ("generate", "run", "--continue", "out", "--entity", "absent", "--table", "new/g.csv"), TRAINED
    ),
    "generate-share": Scenario(("generate", "run", "--top-p", "7", "--table", "new/g.csv"), TRAINED),
}
"""Commands that are refused, some of them late: nothing of them may stay, and nothing that was there may go."""
STUDY_FILE = """
title = "Tiny"
question = "Does it end?"

[axes.size]
a = { model = { width = 8, layers = 1, heads = 1, part_width = 8 } }

[axes.share]
half = { share = 0.5 }

[forms.small]
events = 300
grids = [{ axes = { size = ["a"], share = ["half"] } }]

[forms.small.recipe]
family = "event"
preset = "54k"
block = 32
batch = 2
steps = 1
evaluate_every = 1
checkpoint_every = 1
evaluate_blocks = 1
keep = 1

[[figures]]
kind = "bars"
title = "Sizes"
x = "size"
"""


def write_inputs(folder: Path) -> None:
    """The files that the commands read."""
    files = {
        "a.csv": rows(0, 400),
        "b.csv": rows(400, 150, users=80, day=2),
        "late.csv": rows(550, 60, users=30, day=1),
        "bad.csv": [*rows(610, 20, day=3), "u1,never,v,False,c1,view,1,x", ",2024-01-03,v,False,c1,view,1,x"],
    }
    # most events are of one entity, whose history is cut into slices on disk
    files["long.csv"] = [f"u0{line[line.index(',') :]}" if k % 3 else line for k, line in enumerate(rows(0, 3000, 1))]
    for name, lines in files.items():
        (folder / name).write_text("\n".join([HEAD, *lines, ""]))
    (folder / "schema.toml").write_text(SCHEMA)
    (folder / "small.toml").write_text(SCHEMA.replace("max_size = 6", "max_size = 3"))
    (folder / "study.toml").write_text(STUDY_FILE)
    changed = STUDY_FILE.replace("half = { share = 0.5 }", "half = { fields = { absent = { max_size = 2 } } }")
    (folder / "wrong.toml").write_text(changed)
    (folder / "odd.csv").write_text("who,when\n1,2\n")
    (folder / "dates.csv").write_text("user,date\nu1,2024-01-01\n")
    draw = random.Random(1)
    lines = [
        f"u{user},2024-01-01T{draw.randrange(8, 23):02}:00:00,{draw.choice(['yes', 'no'])},{draw.random():.2f}"
        for user in range(60)
    ]
    (folder / "labels.csv").write_text("\n".join(["user,date,target,age", *lines, ""]))
    (folder / TEMPORARY).mkdir()
