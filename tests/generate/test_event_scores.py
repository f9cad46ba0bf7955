"""The reader's distributions multiply to the likelihood that the model's loss reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from random_shop import generator_of, table

import domaintoolkit as dt
from domaintoolkit.generate.event_scores import EventScores
from domaintoolkit.grammar import Place
from domaintoolkit.model import EventModel, event_preset, events_from_streams

SCHEMA = dt.Schema(
    entity="user",
    time="at",
    time_unit="s",
    session="visit",
    static=[dt.Categorical("plan", max_size=1)],
    fields=[
        dt.Categorical("brand", max_size=1),
        dt.Timestamp("at"),
        dt.Categorical("category", separator="."),
        dt.Text("note", vocabulary_size=10),
        dt.Numeric("price", bins=4),
    ],
)


@dataclass
class Told:
    """A stream that is told token by token; asked is all that the model charges for, whatever the grammar says."""

    model: EventModel
    context: list[int]
    whole: int = 0
    place: int = -1
    following: int = 0
    goes_on: bool = False
    asked: bool = True
    """Whether the session flag is known; a history's first event has none."""
    done: bool = False

    @property
    def state(self) -> Any:
        """What a reader looks at is all here."""
        return self

    def stage(self, state: Any) -> str:
        """As a writer says it."""
        return "tail" if self.goes_on else "session" if self.following == self.end and not self.asked else "part"

    @property
    def end(self) -> int:
        """One past the last part of an event."""
        return self.model.header_parts + self.model.event_parts

    def onward(self) -> None:
        """Go on without a token."""
        self.goes_on, self.asked = False, not self.goes_on or self.asked
        self.settle()

    def put(self, token: int) -> None:
        """Put a token down."""
        self.context.append(token)
        if self.model.start[token]:
            self.place, self.goes_on = int(self.model.place[token]), bool(self.model.get_buffer("continues")[token])
            self.following = self.place + int(self.model.fills[token])
        elif self.model.place[token] == Place.SESSION:
            self.asked = True
        self.settle()

    def settle(self) -> None:
        """Whole positions are read."""
        whole = not self.goes_on and self.following in (self.model.header_parts, self.end)
        if (
            whole
            and self.place >= 0
            and self.model.place[self.context[-1]] != Place.SESSION
            and self.whole < len(self.context)
        ):
            self.whole = len(self.context)
            self.asked = self.following != self.end


def rows() -> dict[str, Any]:
    made = table(3, 15)
    plans = {0: "gold", 2: "a spelled one", 4: "gold"}
    return {**made, "plan": [plans[user] for user in made["user"].tolist()]}


@pytest.mark.slow
@pytest.mark.parametrize("sequential", [False, True])
def test_the_tokens_of_a_stream_cost_what_the_loss_says(sequential: bool) -> None:
    tokenizer = dt.DomainTokenizer(SCHEMA, threads=1).fit(rows())
    torch.manual_seed(0)
    config = event_preset("54k", len(tokenizer.vocabulary), sequential=sequential, position="rope")
    model = EventModel(config, tokenizer.grammar, tokenizer.vocabulary.hash)
    for entry in model.parameters():
        torch.nn.init.normal_(entry, std=0.1)
    model.eval()
    for stream in tokenizer.encode(rows()):
        ids = np.asarray(stream, np.int64)
        with torch.no_grad():
            wanted = model.loss(events_from_streams(ids, np.array([0, len(ids)]), model.layout).batch())
            nats = told(Told(model, ids[:1].tolist()), ids[1:].tolist())
        assert nats == pytest.approx(float(wanted.nats_by_part.sum()), rel=1e-4)
        assert int(wanted.tokens) == len(ids) - 1


def told(line: Told, ids: list[int]) -> float:
    """The nats of the tokens of a stream, each asked for on its own."""
    scores_of: Any = EventScores(line.model, 1, line)  # type: ignore[arg-type]
    nats = 0.0
    for token in ids:
        while True:
            scores = scores_of.next([line])[0]
            assert float(scores.logsumexp(0)) == pytest.approx(0, abs=1e-4)
            if scores[token] > -torch.inf:
                break
            nats -= float(scores[-1])
            line.onward()
        nats -= float(scores[token])
        line.put(token)
    return nats - (float(scores_of.next([line])[0][-1]) if line.goes_on else 0.0)


def test_lines_side_by_side_are_read_as_alone() -> None:
    generator, tokenizer = generator_of(SCHEMA_SIDE, event=True)
    streams = tokenizer.encode(table(0))
    drafts = [generator.begin(stream, 1) for stream in streams]
    together = generator.scores(len(drafts)).next(drafts)
    for row, draft in enumerate(drafts):
        torch.testing.assert_close(generator.scores(1).next([draft])[0], together[row], rtol=1e-4, atol=1e-4)


SCHEMA_SIDE = dt.Schema(
    entity="user", time="at", time_unit="s", fields=[dt.Categorical("brand"), dt.Text("note"), dt.Timestamp("at")]
)
