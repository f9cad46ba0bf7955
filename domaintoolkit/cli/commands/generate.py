"""`domaintoolkit generate`"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from domaintoolkit.cli.options import Whole, as_json, example, print_json
from domaintoolkit.errors import OutputError

if TYPE_CHECKING:
    from domaintoolkit.report import History, StoredStream
    from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["command"]

EXAMPLES = example(
    "domaintoolkit generate shop-model --count 3 --events 8",
    "domaintoolkit generate shop-model --continue shop --entity 541312140 --events 5",
    "domaintoolkit generate shop-model --continue shop --entity 541312140 --next 5",
    "domaintoolkit generate shop-model --count 1000 --table simulated.parquet",
)


@click.command("generate", epilog=EXAMPLES)
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option(
    "--continue", "continued", type=click.Path(path_type=Path), metavar="OUT",
    help="Continue a history of this encoded folder.  [default: start new ones]",
)  # fmt: skip
@click.option("--entity", "-e", "key", multiple=True, metavar="KEY", help="Whose history; once for each key column.")
@click.option("--events", type=Whole(1), default=10, show_default=True, metavar="N", help="Events to write.")
@click.option("--count", type=Whole(1), default=1, show_default=True, metavar="N", help="Histories to write.")
@click.option("--next", "likeliest", type=Whole(1), metavar="N", help="Print the N likeliest next events instead.")
@click.option(
    "--temperature", type=float, default=1.0, show_default=True, metavar="X", help="Below 1: more likely ones."
)
@click.option("--top-k", type=Whole(1), metavar="N", help="Draw from the N likeliest tokens only.")
@click.option("--top-p", type=float, metavar="X", help="Draw from the fewest tokens that hold this probability.")
@click.option("--seed", type=Whole(0), default=0, show_default=True, metavar="N", help="Seed of the draw.")
@click.option("--table", type=click.Path(path_type=Path), metavar="FILE", help="Write the events as .parquet or .csv.")
@click.option("--device", metavar="NAME", help="cpu, cuda, ...  [default: a GPU where there is one]")
@as_json
def command(
    run: Path,
    continued: Path | None,
    key: tuple[str, ...],
    events: int,
    count: int,
    likeliest: int | None,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    seed: int,
    table: Path | None,
    device: str | None,
    json_output: bool,
) -> None:
    """Continue or start histories, and predict next events.

    RUN is the folder of a training run, of a token or an event model. Every history decodes to a valid table: each
    step is masked by the schema's grammar, and by the times that are still possible.
    """
    if likeliest is not None and continued is None:
        raise click.UsageError("--next predicts what comes after a history; name it with --continue and --entity")
    if likeliest is not None:
        _refuse_drawing()
    if key and continued is None:
        raise click.UsageError("--entity is of an encoded folder; name it with --continue")
    if table is not None and (table.suffix not in (".parquet", ".csv") or table.exists()):
        reason = "is there already; choose another" if table.exists() else "the name must end in .parquet or .csv"
        raise OutputError(str(table), reason)
    from domaintoolkit.generate import Generator, Sampling
    from domaintoolkit.model import load_model
    from domaintoolkit.tokenizer import DomainTokenizer

    sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)
    tokenizer = DomainTokenizer.load(run / "tokenizer")
    model = load_model(run, device)
    generator = Generator(model, tokenizer)
    stream = None if continued is None else _stream(continued, key, tokenizer)
    if likeliest is not None:
        assert stream is not None
        _predict(generator, stream, likeliest, json_output)
        return
    prompts: Any = count if stream is None else [stream.ids.astype("int64")] * count
    _show(tokenizer, *generator(prompts, events, sampling), table, json_output)


def _refuse_drawing() -> None:
    """--next draws nothing and writes no table."""
    context = click.get_current_context()
    names = ("events", "count", "temperature", "top_k", "top_p", "seed", "table")
    given = [f"--{name.replace('_', '-')}" for name in names
             if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT]  # fmt: skip
    if given:
        raise click.UsageError(f"--next draws no histories, so that {', '.join(given)} would say nothing")


def _stream(folder: Path, key: tuple[str, ...], tokenizer: DomainTokenizer) -> StoredStream:
    from domaintoolkit.errors import ArtifactError, VocabularyMismatchError
    from domaintoolkit.report import find_stream, first_stream
    from domaintoolkit.storage import open_encoded
    from domaintoolkit.tokenizer import DomainTokenizer

    encoded, entity = open_encoded(folder), tokenizer.schema.entity
    theirs = DomainTokenizer.load(encoded.tokenizer_folder).vocabulary
    if not tokenizer.vocabulary.accepts(theirs):
        raise VocabularyMismatchError(tokenizer.vocabulary.hash, theirs.hash)
    stream = find_stream(encoded, entity, key) if key else first_stream(encoded, entity)
    if stream is None:
        raise ArtifactError(str(folder), "holds no streams")
    return stream


def _predict(generator: Any, stream: StoredStream, likeliest: int, json_output: bool) -> None:
    from domaintoolkit.generate import predict_next

    found = predict_next(generator, stream.ids.astype("int64"), likeliest)
    if json_output:
        listed = [{"probability": each.probability, "tokens": list(each.tokens)} for each in found]
        print_json({"entity": str(stream.entity.to_pylist()[0]), "predictions": listed})
    else:
        for each in found:
            click.echo(f"{each.share:>8}  {' '.join(each.tokens)}")


def _show(tokenizer: DomainTokenizer, ids: Any, offsets: Any, table: Path | None, json_output: bool) -> None:
    import numpy as np

    from domaintoolkit.cli.commands.inspect import history_data
    from domaintoolkit.report import Screen

    pieces = [ids[low:high] for low, high in pairwise(offsets)]
    rows = tokenizer.decode(ids, np.asarray(offsets))
    if table is not None:
        from domaintoolkit.jobs import write_rows

        write_rows([rows], table)
    if json_output:
        print_json({
            "histories": [history_data(_parsed(tokenizer, piece), piece.tolist()) for piece in pieces],
            "events": rows.num_rows,
            "table": None if table is None else str(table),
        })  # fmt: skip
        return
    if table is not None:
        click.echo(f"{rows.num_rows:,} events of {len(pieces):,} histories written to {table}")
        return
    screen = Screen()
    for piece in pieces:
        screen.history(_parsed(tokenizer, piece))
        screen.line()


def _parsed(tokenizer: DomainTokenizer, ids: Any) -> History:
    """A history of which only the ids are known."""
    from domaintoolkit.grammar import event_starts
    from domaintoolkit.report import history_of

    return history_of(tokenizer, ids, event_starts(ids, tokenizer.grammar))
