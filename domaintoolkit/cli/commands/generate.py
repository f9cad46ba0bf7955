"""`domaintoolkit generate`"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from domaintoolkit.cli.options import (
    AtLeast,
    format_examples,
    json_option,
    model_options,
    overwrite_option,
    print_json,
)
from domaintoolkit.cli.output import check_output_ending, check_output_file
from domaintoolkit.cli.pipes import echo_beside, writing

if TYPE_CHECKING:
    from domaintoolkit.generate import WrittenHistory
    from domaintoolkit.report import History, StoredStream
    from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["command"]

EXAMPLES = format_examples(
    "domaintoolkit generate shop-model --count 3 --events 8",
    "domaintoolkit generate shop-model --continue shop --entity 541312140 --events 5",
    "domaintoolkit generate shop-model --continue shop --entity 541312140 --next 5",
    "domaintoolkit generate shop-model --count 1000 --table simulated.parquet",
)

TABLE = (".parquet", ".csv")


@click.command("generate", epilog=EXAMPLES)
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option(
    "--continue", "continued", type=click.Path(path_type=Path), metavar="OUT",
    help="Continue a history of the encoded folder OUT.  [default: start new histories]",
)  # fmt: skip
@click.option("--entity", "-e", "key", multiple=True, metavar="KEY", help="Entity to continue; once per key column.")
@click.option("--events", type=AtLeast(1), default=10, show_default=True, metavar="N", help="Events per history.")
@click.option("--count", type=AtLeast(1), default=1, show_default=True, metavar="N", help="Number of histories.")
@click.option("--next", "likeliest", type=AtLeast(1), metavar="N", help="Print the N most likely next events instead.")
@click.option(
    "--temperature",
    type=float,
    default=1.0,
    show_default=True,
    metavar="X",
    help="Below 1, likely tokens become likelier; above 1, less likely.",
)
@click.option("--top-k", type=AtLeast(1), metavar="N", help="Draw only from the N most likely tokens.")
@click.option(
    "--top-p", type=float, metavar="X", help="Draw only from the most likely tokens that together have probability X."
)
@click.option("--seed", type=AtLeast(0), default=0, show_default=True, metavar="N", help="Random seed.")
@click.option(
    "--table", type=click.Path(path_type=Path), metavar="FILE",
    help="Write the events to a .parquet or .csv file, or - for CSV on standard output; numbers are drawn from the "
    "values seen in their buckets.",
)  # fmt: skip
@overwrite_option
@model_options
@json_option
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
    overwrite: bool,
    device: str | None,
    json_output: bool,
) -> None:
    """Continue or start histories, or predict the next event.

    RUN is the folder of a training run, of a token model or an event model. Every history decodes to a valid
    table: at each step, tokens that the schema's grammar or the possible times rule out are masked.
    """
    if likeliest is not None and continued is None:
        raise click.UsageError("--next predicts the event after a history; give --continue OUT, and --entity KEY")
    if likeliest is not None:
        _refuse_sampling_options()
    if key and continued is None:
        raise click.UsageError("--entity needs --continue OUT, the encoded folder of the entity")
    if table is not None:
        check_output_ending("--table", table, TABLE)
        check_output_file(table, overwrite)
    from domaintoolkit.generate import Generator, Sampling
    from domaintoolkit.model import load_model
    from domaintoolkit.tokenizer import DomainTokenizer

    sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)
    tokenizer = DomainTokenizer.load(run / "tokenizer")
    model = load_model(run, device)
    generator = Generator(model, tokenizer)
    stream = None if continued is None else _find_stream(continued, key, tokenizer)
    if likeliest is not None:
        assert stream is not None
        _predict(generator, stream, likeliest, json_output)
        return
    prompts: Any = count if stream is None else [stream.ids.astype("int64")] * count
    _show(tokenizer, generator.write(prompts, events, sampling), table, json_output, seed)


def _refuse_sampling_options() -> None:
    """Refuse the options that have no effect with --next, which draws nothing and writes no table."""
    context = click.get_current_context()
    names = ("events", "count", "temperature", "top_k", "top_p", "seed", "table")
    given = [f"--{name.replace('_', '-')}" for name in names
             if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT]  # fmt: skip
    if given:
        raise click.UsageError(f"{', '.join(given)}: no effect with --next; drop {'it' if len(given) == 1 else 'them'}")


def _find_stream(folder: Path, key: tuple[str, ...], tokenizer: DomainTokenizer) -> StoredStream:
    from domaintoolkit.errors import ArtifactError, VocabularyMismatchError
    from domaintoolkit.report import find_stream, first_stream
    from domaintoolkit.storage import open_encoded
    from domaintoolkit.tokenizer import DomainTokenizer

    encoded, entity = open_encoded(folder), tokenizer.schema.entity
    vocabulary = DomainTokenizer.load(encoded.tokenizer_folder).vocabulary
    if not tokenizer.vocabulary.accepts(vocabulary):
        raise VocabularyMismatchError(tokenizer.vocabulary.hash, vocabulary.hash)
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


def _show(
    tokenizer: DomainTokenizer, written: list[WrittenHistory], table: Path | None, json_output: bool, seed: int
) -> None:
    import numpy as np

    from domaintoolkit.cli.commands.inspect import history_data
    from domaintoolkit.report import Screen

    pieces = [each.ids for each in written]
    offsets = np.cumsum([0, *map(len, pieces)])
    rows = tokenizer.decode(np.concatenate(pieces), offsets, sample=True, seed=seed)
    ended = Counter(each.ended for each in written if each.ended is not None)
    if table is not None:
        from domaintoolkit.jobs import write_rows

        with writing(table, TABLE[-1]) as target:
            write_rows([rows], target)
    if json_output:
        print_json({
            "histories": [history_data(_parse(tokenizer, piece), piece.tolist()) for piece in pieces],
            "events": rows.num_rows,
            "ended_early": dict(ended),
            "table": None if table is None else str(table),
        })  # fmt: skip
        return
    if table is not None:
        echo_beside(table, f"{rows.num_rows:,} events of {len(pieces):,} histories written to {table}")
        _report_early_ends(ended, len(pieces))
        return
    screen = Screen()
    for piece in pieces:
        screen.history(_parse(tokenizer, piece))
        screen.line()
    _report_early_ends(ended, len(pieces))


def _report_early_ends(ended: Mapping[str, int], histories: int) -> None:
    """Say how many histories have fewer events than were wanted, and why."""
    for reason, count in ended.items():
        click.echo(f"{count:,} of {histories:,} histories ended early: {reason}", err=True)


def _parse(tokenizer: DomainTokenizer, ids: Any) -> History:
    """Parse a history from its ids alone. An event begins with its session token, if it has one."""
    from domaintoolkit.grammar import event_starts
    from domaintoolkit.report import history_of

    return history_of(tokenizer, ids, event_starts(ids, tokenizer.grammar))
