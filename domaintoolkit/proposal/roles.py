"""`Roles`: the columns that are not plain fields, and how a proposal speaks of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from domaintoolkit.proposal.columns.column_profile import Profile
from domaintoolkit.proposal.encoder_choice import Choice
from domaintoolkit.proposal.entity_choice import EntityChoice
from domaintoolkit.proposal.time_choice import TimeChoice
from domaintoolkit.schema import Timestamp

__all__ = ["Roles", "shown_time", "spell"]


@dataclass(frozen=True)
class Roles:
    """The columns that are not plain fields."""

    entity: EntityChoice
    time: TimeChoice | None
    session: Profile | None
    order: tuple[Profile, ...]
    labels: tuple[Profile, ...]
    leaks: tuple[str, ...]

    @property
    def used(self) -> set[str]:
        """The columns that cannot be fields."""
        times = () if self.time is None else self.time.columns
        session = () if self.session is None else (self.session,)
        return {profile.name for profile in (*self.entity.columns, *times, *session, *self.labels)} | set(self.leaks)

    @property
    def names(self) -> set[str]:
        """The columns that have a role."""
        return self.used | {profile.name for profile in self.order}

    def role(self, profile: Profile) -> tuple[str, str, str]:
        """The role of a column, its encoder, and the reason; empty texts if it has none of these roles."""
        if profile in self.entity.columns:
            return "entity", "", ""
        if self.time is not None and profile in self.time.columns:
            return "time", "", ""
        if profile is self.session:
            return "session", "", "a visit of an entity: its events follow each other"
        if profile in self.labels:
            return "label", "", "its name says so; stored with the streams, never encoded"
        if profile.name in self.leaks:
            return "leak", "", f"leaks the label {self.labels[0].name}"
        if profile in self.order:
            return "order", "", ""
        return "", "", ""

    def read(self, choices: Sequence[Choice]) -> list[tuple[Profile, Any]]:
        """The columns that the reader has, each with its choice, or the word for its role."""
        by_name = {each.profile.name: each for each in choices if each.spec is not None}
        session = () if self.session is None else (self.session,)
        roles = [(profile, "key") for profile in (*self.entity.columns, *session)]
        roles += [(profile, "number") for profile in self.order]
        roles += [(profile, "label") for profile in self.labels]
        made: dict[str, tuple[Profile, Any]] = {profile.name: (profile, role) for profile, role in reversed(roles)}
        for name, choice in by_name.items():
            made.setdefault(name, (choice.profile, choice))
        return sorted(made.values(), key=lambda each: each[0].place)


def shown_time(time: TimeChoice) -> str:
    first, last = (str(each.astype("datetime64[us]").astype("datetime64[s]")) for each in (
        time.times[time.there].min(), time.times[time.there].max()))  # fmt: skip
    if time.is_relative:
        return f"counts {time.settings['time_unit']} from a beginning that no column gives"
    return f"{first[:10]} to {last[:10]}"


def spell(spec: Any) -> str:
    settings = [
        f"{name}={getattr(spec, name)!r}"
        for name in ("max_size", "min_count", "separator", "unseen", "strategy", "sign", "by")
        if hasattr(spec, name) and getattr(spec, name) != getattr(type(spec)(spec.name), name)
    ]  # fmt: skip
    if isinstance(spec, Timestamp):
        settings.append("+".join(spec.parts) or "time since the previous event")
    return " ".join([spec.type, *settings])
