"""`propose`: a schema and a reader for a table that nobody has described yet, from coarse to fine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from domaintoolkit.errors import ProposalError, SchemaError
from domaintoolkit.proposal.columns.column_profile import Profile, plain_settings
from domaintoolkit.proposal.columns.date_order import settle_dates
from domaintoolkit.proposal.columns.name_words import plain_name
from domaintoolkit.proposal.columns.text_profile import profile_text
from domaintoolkit.proposal.columns.typed_profile import profile_typed
from domaintoolkit.proposal.encoder_choice import Choice, time_field
from domaintoolkit.proposal.entity_choice import is_surname
from domaintoolkit.proposal.field_choice import FieldChooser
from domaintoolkit.proposal.marginal_fit import fit_marginals
from domaintoolkit.proposal.proposal import Proposal, ProposedColumn, Question, UserChoices
from domaintoolkit.proposal.reader_choice import build_reader, joined_name, try_reader
from domaintoolkit.proposal.role_choice import RoleFinder
from domaintoolkit.proposal.roles import Roles, shown_time, spell
from domaintoolkit.proposal.sampling.sampler import take_sample
from domaintoolkit.proposal.sampling.table_sample import TableSample
from domaintoolkit.schema import Categorical, Schema

__all__ = ["propose"]


def propose(paths: Sequence[str], answers: UserChoices | None = None) -> Proposal:
    """A schema and a reader for the files that `paths` name; raises `ProposalError` if they hold no table of events."""
    given = answers or UserChoices()
    with take_sample(paths, given.encoding, given.delimiter) as sample:
        return _Proposer(sample, given).propose()


class _Proposer:
    """Decides from coarse to fine: the form of each column, the columns with a role, and the fields of all others."""

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
            found.append(
                profile_typed(column, place, name) if column.is_typed else profile_text(column, place, name, semicolons)
            )
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

    def propose(self) -> Proposal:
        """The whole proposal."""
        roles, histories = RoleFinder(self.profiles, self.answers, self.questions).find()
        chooser = FieldChooser(self.profiles, self.answers, roles, histories)
        choices, static_names = chooser.settle_static(chooser.choose())
        while True:
            proposal, wrong = self._assemble(roles, choices, static_names)
            if proposal is not None:
                return proposal
            choices = [
                replace(each, profile=replace(each.profile, kind="text", settings=plain_settings(each.profile)),
                        spec=Categorical(each.profile.name), reason=f"text: not all values are {each.profile.kind}s")
                if each.profile.name in wrong else each
                for each in choices
            ]  # fmt: skip

    def _assemble(
        self, roles: Roles, choices: Sequence[Choice], static_names: set[str]
    ) -> tuple[Proposal | None, set[str]]:
        kept = [each for each in choices if each.spec is not None]
        time_name = None if roles.time is None else joined_name(roles.time, [each.profile.name for each in kept])
        static = tuple(each.spec for each in kept if each.profile.name in static_names and each.spec is not None)
        fields: list[Any] = [each.spec for each in kept if each.profile.name not in static_names]
        if roles.time is not None and time_name is not None:
            fields.append(replace(time_field(roles.time), name=time_name, zone=self.answers.zone or "UTC"))
        if not fields:
            raise ProposalError(
                "fields", "no column is left that says what happened", [profile.header for profile in self.profiles]
            )
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
            why = "a wrong number of values, or bytes of another encoding"
            notes.append(f"{sample.refused:,} of the rows looked at have {why}, and are refused")
        if self.answers.entity is None and any(is_surname(column) for column in roles.entity.columns):
            notes.append(
                "people of one name are one entity; --entity with a further column, such as an office, parts them"
            )
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
