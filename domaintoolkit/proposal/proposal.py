"""`propose`: a schema and a reader for a table that nobody has described yet, each choice with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from domaintoolkit.errors import LookupFailedError, ProposalError, SchemaError
from domaintoolkit.proposal.columns.column_profile import Profile, make_profile, plain_settings
from domaintoolkit.proposal.columns.name_words import plain_name
from domaintoolkit.proposal.date_order import settle_dates
from domaintoolkit.proposal.dependencies import combined, is_bijective
from domaintoolkit.proposal.encoder_choice import As, Choice, choose, choose_as, is_hhmm, time_field
from domaintoolkit.proposal.entity_choice import SURE, EntityChoice, find_entities, is_unlikely
from domaintoolkit.proposal.marginal_fit import fit_marginals
from domaintoolkit.proposal.measured import measured_by
from domaintoolkit.proposal.order_choice import SeenHistories, is_batch
from domaintoolkit.proposal.reader_choice import build_reader, joined_name, try_reader
from domaintoolkit.proposal.redundancy.copies import copies
from domaintoolkit.proposal.redundancy.derivations import find_derived
from domaintoolkit.proposal.redundancy.leaks import find_leaks, is_split
from domaintoolkit.proposal.redundancy.time_parts import from_time
from domaintoolkit.proposal.roles import Roles, shown_time, spell
from domaintoolkit.proposal.sampling.sampler import take_sample
from domaintoolkit.proposal.sampling.table_sample import TableSample
from domaintoolkit.proposal.time_choice import TimeChoice, find_times, offset_time
from domaintoolkit.schema import Categorical, Numeric, Reader, Schema, Timestamp
from domaintoolkit.simulation import Marginals

__all__ = ["Proposal", "ProposedColumn", "Question", "UserChoices", "propose"]

NONE = "none"
"""The answer that there is no such column."""

CLOSE = 0.7
"""Points between two times under which it is not clear which one is the event's."""


@dataclass(frozen=True)
class UserChoices:
    """Choices that the user makes up front; None leaves one to the proposal, and `none` as a name is the answer "none".

    Columns are named by their header or by their name in the proposed schema.
    """

    entity: tuple[str, ...] | None = None
    time: tuple[str, ...] | None = None
    session: str | None = None
    order_by: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None
    static: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    encoders: Mapping[str, As] = field(default_factory=dict)
    day_first: bool | None = None
    zone: str | None = None
    encoding: str | None = None
    delimiter: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A choice that the rows do not decide: its `key` is the name of the answer. The first option is the likeliest."""

    key: str
    text: str
    options: tuple[tuple[str, str], ...]
    """The answers, each with what it means."""
    is_needed: bool = False
    """True if a wrong answer would make wrong data, so that nobody but the user may give it."""


@dataclass(frozen=True, slots=True)
class ProposedColumn:
    """One column of the files: its `role` (`entity`, `time`, `field`, `static`, ... or `left out`) and the reason."""

    name: str
    header: str
    role: str
    encoder: str
    reason: str


@dataclass(frozen=True)
class Proposal:
    """A schema and a reader, the role of every column, what is not sure, and notes."""

    schema: Schema
    reader: Reader
    columns: tuple[ProposedColumn, ...]
    questions: tuple[Question, ...]
    notes: tuple[str, ...]
    rows: int
    total: int
    refused: float
    """The share of the rows that `encode` will refuse."""
    marginals: Marginals = field(repr=False)
    """The marginals that the simulated sample of the domain is drawn from."""


def propose(paths: Sequence[str], answers: UserChoices | None = None) -> Proposal:
    """A schema and a reader for the files that `paths` name; raises `ProposalError` if they hold no table of events."""
    given = answers or UserChoices()
    with take_sample(paths, given.encoding, given.delimiter) as sample:
        return _Proposer(sample, given).propose()


class _Proposer:
    """Decides from coarse to fine: the time, the entity, its sessions and their order, and each column that is left."""

    def __init__(self, sample: TableSample, answers: UserChoices) -> None:
        self.sample, self.answers = sample, answers
        semicolons = sample.settings.get("delimiter") == ";"
        names: set[str] = set()
        found = []
        for place, column in enumerate(sample.columns):
            name = base = plain_name(column.header, place)
            number = 2
            while name in names:
                name, number = f"{base}_{number}", number + 1
            names.add(name)
            found.append(make_profile(column, place, name, semicolons))
        self.questions: list[Question] = []
        self.notes = list(sample.notes)
        self.profiles, unclear = settle_dates(found, answers.day_first)
        self._ask_for_dates(unclear)

    def _ask_for_dates(self, unclear: Sequence[Profile]) -> None:
        if unclear:
            shown = ", ".join(repr(value) for value in unclear[0].values[:3])
            self.questions.append(
                Question(
                    "day_first",
                    f"Dates of {unclear[0].header!r} such as {shown}: is the day or the month first?",
                    (("true", "the day"), ("false", "the month")),
                    is_needed=True,
                )
            )

    def look_up(self, name: str) -> Profile:
        """The column with a name or header."""
        for profile in self.profiles:
            if name in (profile.name, profile.header):
                return profile
        raise LookupFailedError("column", name, [profile.header for profile in self.profiles])

    def propose(self) -> Proposal:
        """The whole proposal."""
        time = self._time()
        entity = self._entity(time)
        histories = SeenHistories(entity, time, tuple(self.profiles))
        if time is None and self.answers.time is None:
            time = histories.find_relative_time()
            if time is not None:
                histories = SeenHistories(entity, time, tuple(self.profiles))
        elif self.answers.time is None and (elapsed := histories.find_elapsed()) is not None:
            time = elapsed
            histories = SeenHistories(entity, time, tuple(self.profiles))
        taken = {*entity.names, *([] if time is None else (column.name for column in time.columns))}
        labels = self._labels(taken)
        taken |= {label.name for label in labels}
        left = [profile for profile in self.profiles if profile.name not in taken and profile.kind != "empty"]
        session = self._session(histories, left)
        left = [profile for profile in left if profile is not session]
        order = self._order(histories, left, session)
        leaks = list(dict.fromkeys(name for label in labels for name in find_leaks(label, left)))
        roles = Roles(entity, time, session, tuple(order), tuple(labels), tuple(leaks))
        return self._build(histories, roles)

    def _time(self) -> TimeChoice | None:
        given = self.answers.time
        if given == (NONE,):
            return None
        if given is not None:
            own = [self.look_up(name) for name in given]
            found = find_times(own)
            if not found and len(own) == 1 and (made := offset_time(own[0])) is not None:
                return made
            if not found:
                shown = "; ".join(f"{each.header!r} has {each.shown}" for each in own)
                raise ProposalError("time", f"no time in {', '.join(map(repr, given))}: {shown}", self._headers())
            return found[0]
        found = [each for each in find_times(self.profiles) if each.there.mean() > 0.5]
        if not found:
            return None
        best, *others = found
        near = [each for each in others if best.score - each.score < CLOSE]
        close = [each for each in near if each.is_joined or from_time(each.columns[0], best) is None]
        if close:
            options = tuple((",".join(c.name for c in each.columns), shown_time(each)) for each in (best, *close))
            self.questions.append(Question("time", "Which column is the time of the event?", options))
        return best

    def _headers(self) -> list[str]:
        return [profile.header for profile in self.profiles]

    def _entity(self, time: TimeChoice | None) -> EntityChoice:
        given = self.answers.entity
        if given is not None:
            own = tuple(self.look_up(name) for name in given)
            return EntityChoice(own, combined(*(column.codes for column in own)), 0.0, "as you said")
        derived: set[str] = set()
        if time is not None:
            others = [each for each in self.profiles if each not in time.columns]
            derived = {each.name for each in others if from_time(each, time)}
        found = find_entities([each for each in self.profiles if each.name not in derived], time)
        found = [each for each in found if each.score > 0 and self._may_be(each, time)]
        key = next((each for each in self.profiles if _is_key(each)), None)
        if not found or (key is not None and not _names_somebody(found[0])):
            raise ProposalError("entity", self._no_entity(key), self._headers())
        best = found[0]
        near = [each for each in found[1:] if best.score - each.score < SURE and not is_batch(each.columns[0], time)]
        close = [each for each in near if not is_bijective(each.codes, best.codes, 0.95)]
        if close:
            options = tuple((",".join(each.names), each.reason) for each in (best, *close[:5]))
            self.questions.append(Question("entity", "Whose events are these: which column names who?", options))
        return best

    @staticmethod
    def _may_be(choice: EntityChoice, time: TimeChoice | None) -> bool:
        """Return False for what is bought, or where, unless it has one row at each time that others share."""
        if not all(is_unlikely(column) for column in choice.columns):
            return True
        if time is None:
            return False
        # (rows,) moments
        days = np.where(time.there, np.unique(time.times, return_inverse=True)[1], -1).astype(np.int64)
        moments = combined(choice.codes, days)
        own = moments[moments >= 0]
        is_alone = len(np.unique(own)) > 0.99 * len(own)
        return is_alone and 2 * len(np.unique(days)) < len(days)

    def _no_entity(self, key: Profile | None) -> str:
        if key is not None:
            return (
                f"every row has its own {key.header!r}, so this is a table with one row an entity, not one an event: "
                "give a table with a row for each time that somebody did something; or, if this is one, say whose"
            )
        return "no column says whose events these are: none has values that come back, as a customer's do"

    def _labels(self, taken: set[str]) -> list[Profile]:
        given = self.answers.labels
        if given is not None:
            return [] if given == (NONE,) else [self.look_up(name) for name in given]
        return [profile for profile in self.profiles if profile.name not in taken and _is_label(profile)]

    def _session(self, histories: SeenHistories, left: Sequence[Profile]) -> Profile | None:
        given = self.answers.session
        if given is not None:
            return None if given == NONE else self.look_up(given)
        found = histories.find_session(left)
        return None if found is None else found[0]

    def _order(self, histories: SeenHistories, left: Sequence[Profile], session: Profile | None) -> list[Profile]:
        given = self.answers.order_by
        if given is not None:
            return [] if given == (NONE,) else [self.look_up(name) for name in given]
        return histories.find_order(left, session)

    def _build(self, histories: SeenHistories, roles: Roles) -> Proposal:
        choices = self._choices(histories, roles)
        static_names = {
            each.profile.name for each in choices
            if each.spec is not None and (each.profile.name in self._names(self.answers.static) or (
                each.profile.name not in roles.names and histories.is_static(each.profile)))
        }  # fmt: skip
        choices = [_settle_static(each) if each.profile.name in static_names else each for each in choices]
        choices = [
            replace(each, spec=None, reason="the time of the entity's first event")
            if each.profile.name in static_names and histories.is_first_time(each.profile) else each
            for each in choices
        ]  # fmt: skip
        while True:
            proposal, wrong = self._assemble(histories, roles, choices, static_names)
            if proposal is not None:
                return proposal
            choices = [
                replace(each, profile=replace(each.profile, kind="text", settings=plain_settings(each.profile)),
                        spec=Categorical(each.profile.name), reason=f"text: not all values are {each.profile.kind}s")
                if each.profile.name in wrong else each
                for each in choices
            ]  # fmt: skip

    def _names(self, given: Sequence[str]) -> set[str]:
        return {self.look_up(name).name for name in given}

    def _choices(self, histories: SeenHistories, roles: Roles) -> list[Choice]:
        """The columns that are not the entity, the time, the session, a label or a leak."""
        left_out = self._names(self.answers.left_out)
        said = {self.look_up(name).name: kind for name, kind in self.answers.encoders.items()}
        order = {profile.name for profile in roles.order}
        made = []
        for profile in self.profiles:
            if profile.name in roles.used:
                continue
            choice = choose_as(profile, said[profile.name]) if profile.name in said else choose(profile)
            if profile.name in left_out:
                choice = replace(choice, spec=None, reason="as you said")
            elif profile.name in said:
                pass
            elif profile.name in order:
                counts = "a time of day: orders the events of a date" if is_hhmm(profile) else "numbers the events"
                choice = replace(choice, spec=None, reason=counts)
            elif is_split(profile):
                choice = replace(choice, spec=None, reason="names a split: the table [split] of a schema can use it")
            elif roles.time is not None and choice.spec is not None and (why := from_time(profile, roles.time)):
                choice = replace(choice, spec=None, reason=why)
            elif (profile.means("surname") or profile.means("given")) and profile.kind == "text":
                choice = replace(choice, spec=None, reason="a name of a person")
            elif isinstance(choice.spec, Categorical) and is_batch(profile, roles.time):
                choice = replace(choice, spec=None, reason="identifier: its values stand together and never come back")
            elif (why := histories.find_counted(profile, roles.session)) is not None:
                choice = replace(choice, spec=None, reason=why)
            made.append(choice)
        doubled = {
            each.profile.name: f"identifier: each value is of one {roles.entity.names[0]}"
            for each in made
            if isinstance(each.spec, Categorical) and histories.is_owned(each.profile)
        } | self._copies_of_entity(made, roles, histories)
        left = [each for each in made if each.profile.name not in said and each.profile.name not in doubled]
        doubled |= copies(left, roles.entity.codes)
        left = [each for each in left if each.profile.name not in doubled and not histories.is_static(each.profile)]
        doubled |= find_derived(left, roles.time)
        out = doubled.keys() - said.keys()
        made = [
            replace(each, spec=None, reason=doubled[each.profile.name]) if each.profile.name in out else each
            for each in made
        ]
        return measured_by(made, said)

    def _copies_of_entity(self, made: Sequence[Choice], roles: Roles, histories: SeenHistories) -> dict[str, str]:
        """Columns that name the entity, or a session, once more."""
        keys = [("entity", roles.entity.codes, roles.entity.columns[0])]
        keys += [] if roles.session is None else [("session", roles.session.codes, roles.session)]
        found = {}
        for each in made:
            profile = each.profile
            for role, codes, key in keys:
                is_near = abs(profile.distinct - key.distinct) < 0.1 * key.distinct and profile.distinct > 20
                is_first = role == "entity" and histories.is_first_time(profile)
                # a measure, a birth or a delivery tells something, also if no two entities or visits share it
                is_measure = isinstance(each.spec, Numeric | Timestamp) and not is_first
                if each.spec is not None and not is_measure and is_near and is_bijective(profile.codes, codes, 0.98):
                    says = (
                        "the time of the entity's first event" if is_first else f"says what the {role} {key.name} says"
                    )
                    found[profile.name] = says
        return found

    def _assemble(
        self, histories: SeenHistories, roles: Roles, choices: Sequence[Choice], static_names: set[str]
    ) -> tuple[Proposal | None, set[str]]:
        kept = [each for each in choices if each.spec is not None]
        time_name = None if roles.time is None else joined_name(roles.time, [each.profile.name for each in kept])
        static = tuple(each.spec for each in kept if each.profile.name in static_names and each.spec is not None)
        fields: list[Any] = [each.spec for each in kept if each.profile.name not in static_names]
        if roles.time is not None and time_name is not None:
            fields.append(replace(time_field(roles.time), name=time_name, zone=self.answers.zone or "UTC"))
        if not fields:
            raise ProposalError("fields", "no column is left that says what happened", self._headers())
        try:
            schema = Schema(
                entity=roles.entity.names, time=time_name, fields=tuple(fields), static=static,
                session=None if roles.session is None else roles.session.name,
                order_by=tuple(profile.name for profile in roles.order),
                labels=tuple(label.name for label in roles.labels), leaks=roles.leaks,
                zone=self.answers.zone or "UTC",
            )  # fmt: skip
        except SchemaError as error:
            raise SchemaError(error.problems, "the proposal") from None
        reader = build_reader(self.sample, roles.read(choices), roles.time, time_name, schema)
        table, counted = try_reader(self.sample, reader)
        limit = max(0.003 * self.sample.rows, 2)
        readable = {each.profile.name for each in kept if each.profile.kind != "text"}
        wrong = {name for name, rows in counted.items() if rows > limit and name in readable}
        if wrong:
            return None, wrong
        notes = [*self.notes, *self._notes(roles, counted)]
        refused = self._refused_share(roles, counted)
        if refused:
            notes.append("refused rows end `encode` unless it is given --on-bad-rows quarantine")
        return Proposal(
            schema, reader, self._listed(roles, choices, static_names, time_name), tuple(self.questions), tuple(notes),
            self.sample.rows, self.sample.total, refused, fit_marginals(table, schema, reader),
        ), set()  # fmt: skip

    def _refused_share(self, roles: Roles, counted: Mapping[str, int]) -> float:
        rows = self.sample.rows + self.sample.refused
        missing = max((column.missing for column in roles.entity.columns), default=0.0)
        if roles.time is not None:
            missing = max(missing, 1 - float(roles.time.there.mean()))
        return max(missing, (sum(counted.values()) + self.sample.refused) / max(rows, 1))

    def _notes(self, roles: Roles, counted: Mapping[str, int]) -> list[str]:
        notes = []
        sample = self.sample
        if sample.refused:
            notes.append(f"{sample.refused:,} of the rows looked at have a wrong number of values and are refused")
        notes += [
            f"{column.missing:.2%} of the rows have no {column.header!r} and are refused"
            for column in roles.entity.columns
            if column.missing > 0
        ]
        if roles.time is not None and not roles.time.there.all():
            notes.append(f"{1 - roles.time.there.mean():.2%} of the rows have no time and are refused")
        for name, rows in counted.items():
            values = next((each.examples for each in self.profiles if each.name == name), ())
            shown = f", such as {values[0]!r}" if values else ""
            notes.append(f"{rows:,} of the rows looked at are refused for their {name!r}{shown}")
        if (
            roles.time is not None
            and not roles.time.is_relative
            and not roles.time.columns[0].is_named_zone
            and self.answers.zone is None
            and "time_unit" not in roles.time.settings
        ):
            notes.append("the times name no zone and are read in UTC; --zone says another")
        return notes

    def _listed(
        self, roles: Roles, choices: Sequence[Choice], static_names: set[str], time_name: str | None
    ) -> tuple[ProposedColumn, ...]:
        by_name = {each.profile.name: each for each in choices}
        listed = []
        for profile in self.profiles:
            choice = by_name.get(profile.name)
            role, encoder, reason = roles.role(profile)
            if choice is not None and not role:
                role = "left out" if choice.spec is None else "static" if profile.name in static_names else "field"
                encoder = "" if choice.spec is None else spell(choice.spec)
                reason = choice.reason
            elif choice is not None and role == "order":
                reason = choice.reason
            elif role == "time" and roles.time is not None:
                encoder = spell(time_field(roles.time)) if profile is roles.time.columns[0] else ""
                reason = shown_time(roles.time) + (f", as {time_name}" if roles.time.is_joined else "")
            elif role == "entity":
                reason = roles.entity.reason
            listed.append(ProposedColumn(profile.name, profile.header, role, encoder, reason))
        return tuple(listed)


def _settle_static(choice: Choice) -> Choice:
    """Of a date that belongs to the entity, such as a birth, the year tells most."""
    if not isinstance(choice.spec, Timestamp):
        return choice
    return replace(choice, spec=replace(choice.spec, parts=("year", "month")), reason="a date of the entity")


def _is_label(profile: Profile) -> bool:
    """True if a name says that the column is to be predicted, and its values can be labels."""
    is_late = profile.hints("time") or (profile.distinct != 2 and profile.hints("late"))
    # a column `clicks` or `deaths` counts
    few = 2 <= profile.distinct <= (2 if profile.name.endswith("s") else 20) and profile.missing < 0.999
    return profile.hints("label") and few and not is_late and profile.kind in ("number", "bool", "text")


def _is_key(profile: Profile) -> bool:
    """True if a column names another entity in each row."""
    return profile.distinct == profile.rows > 1 and (profile.means("person") or profile.means("thing"))


def _names_somebody(choice: EntityChoice) -> bool:
    return any(column.hints("person") or column.hints("thing") for column in choice.columns)
