"""`FieldChooser`: the fields of the columns that have no role, and which of these belong to the entity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from domaintoolkit.proposal.columns.column_profile import Profile, look_up
from domaintoolkit.proposal.columns.dependencies import is_bijective
from domaintoolkit.proposal.encoder_choice import As, Choice, choose, choose_as, is_hhmm
from domaintoolkit.proposal.measured import measured_by
from domaintoolkit.proposal.order_choice import SeenHistories, is_batch
from domaintoolkit.proposal.proposal import UserChoices
from domaintoolkit.proposal.redundancy.copies import copies
from domaintoolkit.proposal.redundancy.derivations import find_derived
from domaintoolkit.proposal.redundancy.leaks import is_split
from domaintoolkit.proposal.redundancy.time_parts import find_parts, from_time
from domaintoolkit.proposal.roles import Roles
from domaintoolkit.schema import Categorical, Numeric, Timestamp

__all__ = ["FieldChooser"]


class FieldChooser:
    """Chooses a field for each column, or the reason why it is left out: by itself first, then beside the others."""

    def __init__(
        self, profiles: Sequence[Profile], answers: UserChoices, roles: Roles, histories: SeenHistories
    ) -> None:
        self.profiles, self.roles, self.histories = profiles, roles, histories
        self.left_out, self.static = self._names(answers.left_out), self._names(answers.static)
        self.said: dict[str, As] = {look_up(profiles, name).name: kind for name, kind in answers.encoders.items()}

    def _names(self, given: Sequence[str]) -> set[str]:
        return {look_up(self.profiles, name).name for name in given}

    def choose(self) -> list[Choice]:
        """The columns that are not the entity, the time, the session, a label or a leak."""
        made = [self._choose_alone(profile) for profile in self.profiles if profile.name not in self.roles.used]
        needless = self._find_needless(made)
        made = [
            replace(each, spec=None, reason=needless[each.profile.name]) if each.profile.name in needless else each
            for each in made
        ]
        return measured_by(made, self.said)

    def _choose_alone(self, profile: Profile) -> Choice:
        """The choice for a column beside the roles, but not beside the other columns."""
        name = profile.name
        choice = choose_as(profile, self.said[name]) if name in self.said else choose(profile)
        if name in self.left_out:
            return replace(choice, spec=None, reason="as you said")
        if name in self.said:
            return choice
        reason = self._reason_against(choice)
        return choice if reason is None else replace(choice, spec=None, reason=reason)

    def _reason_against(self, choice: Choice) -> str | None:
        """The reason to leave out a column about which the user says nothing."""
        profile, roles = choice.profile, self.roles
        if any(profile.name == each.name for each in roles.order):
            return "a time of day: orders the events of a date" if is_hhmm(profile) else "numbers the events"
        if is_split(profile):
            return "names a split: the table [split] of a schema can use it"
        if roles.time is not None and choice.spec is not None and (why := from_time(profile, roles.time)):
            return why
        if (profile.means("surname") or profile.means("given")) and profile.kind == "text":
            return "a name of a person"
        if isinstance(choice.spec, Categorical) and is_batch(profile, roles.time):
            return "identifier: its values stand together and never come back"
        if isinstance(choice.spec, Categorical | Numeric) and self.histories.is_paced(profile):
            return "counts with the time"
        return self.histories.find_counted(profile, roles.session)

    def _find_needless(self, made: Sequence[Choice]) -> dict[str, str]:
        """The columns that others make needless, but for those whose encoder the user names, each with the reason."""
        found = {
            each.profile.name: f"identifier: each value is of one {self.roles.entity.names[0]}"
            for each in made
            if isinstance(each.spec, Categorical) and self.histories.is_owned(each.profile)
        } | self._copies_of_keys(made)
        left = [each for each in made if each.profile.name not in self.said and each.profile.name not in found]
        found |= find_parts(left)
        left = [each for each in left if each.profile.name not in found]
        found |= copies(left, self.roles.entity.codes)
        left = [each for each in left if each.profile.name not in found and not self.histories.is_static(each.profile)]
        found |= find_derived(left, self.roles.time)
        return {name: reason for name, reason in found.items() if name not in self.said}

    def _copies_of_keys(self, made: Sequence[Choice]) -> dict[str, str]:
        """Columns that name the entity, or a session, once more."""
        entity, session = self.roles.entity, self.roles.session
        keys = [("entity", entity.codes, entity.columns[0])]
        keys += [] if session is None else [("session", session.codes, session)]
        found = {}
        for each in made:
            profile = each.profile
            for role, codes, key in keys:
                is_near = abs(profile.distinct - key.distinct) < 0.1 * key.distinct and profile.distinct > 20
                is_first = role == "entity" and self.histories.is_first_time(profile)
                # a measure, a birth or a delivery tells something, also if no two entities or visits share it
                is_measure = isinstance(each.spec, Numeric | Timestamp) and not is_first
                if each.spec is not None and not is_measure and is_near and is_bijective(profile.codes, codes, 0.98):
                    says = (
                        "the time of the entity's first event" if is_first else f"says what the {role} {key.name} says"
                    )
                    found[profile.name] = says
        return found

    def settle_static(self, choices: Sequence[Choice]) -> tuple[list[Choice], set[str]]:
        """The choices with those of the entity made static, and the names of these."""
        names = {
            each.profile.name
            for each in choices
            if each.spec is not None and (each.profile.name in self.static or self._is_static(each.profile))
        }
        return [self._as_static(each) if each.profile.name in names else each for each in choices], names

    def _is_static(self, profile: Profile) -> bool:
        return profile.name not in self.roles.names and self.histories.is_static(profile)

    def _as_static(self, choice: Choice) -> Choice:
        if self.histories.is_first_time(choice.profile):
            return replace(choice, spec=None, reason="the time of the entity's first event")
        if not isinstance(choice.spec, Timestamp):
            return choice
        # of a date that belongs to the entity, such as a birth, the year tells most
        return replace(choice, spec=replace(choice.spec, parts=("year", "month")), reason="a date of the entity")
