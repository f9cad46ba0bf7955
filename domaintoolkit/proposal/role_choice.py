"""`RoleFinder`: which columns are the time, the entity, the session, the order and the labels, and what is not sure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from domaintoolkit.errors import ProposalError
from domaintoolkit.proposal.columns.column_profile import Profile, look_up
from domaintoolkit.proposal.columns.dependencies import combined, is_bijective
from domaintoolkit.proposal.columns.name_words import COUNTS, words_of
from domaintoolkit.proposal.entity_choice import SURE, EntityChoice, find_entities, is_unlikely
from domaintoolkit.proposal.order_choice import SeenHistories, is_batch
from domaintoolkit.proposal.proposal import Question, UserChoices
from domaintoolkit.proposal.redundancy.leaks import find_leaks
from domaintoolkit.proposal.redundancy.time_parts import from_time
from domaintoolkit.proposal.roles import Roles, shown_time
from domaintoolkit.proposal.time_choice import TimeChoice, find_times, offset_time

__all__ = ["RoleFinder"]

NONE = "none"
"""The answer that there is no such column."""

CLOSE = 0.7
"""Points between two times under which it is not clear which one is the event's."""


class RoleFinder:
    """Finds the time, the entity, its sessions and their order, and the labels, in this order; adds its `questions`."""

    def __init__(self, profiles: Sequence[Profile], answers: UserChoices, questions: list[Question]) -> None:
        self.profiles, self.answers, self.questions = profiles, answers, questions

    def find(self) -> tuple[Roles, SeenHistories]:
        """The columns with a role, and the histories that they make of the rows."""
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
        return roles, histories

    def _time(self) -> TimeChoice | None:
        given = self.answers.time
        if given == (NONE,):
            return None
        if given is not None:
            own = [look_up(self.profiles, name) for name in given]
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
            own = tuple(look_up(self.profiles, name) for name in given)
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
            return [] if given == (NONE,) else [look_up(self.profiles, name) for name in given]
        return [profile for profile in self.profiles if profile.name not in taken and _is_label(profile)]

    def _session(self, histories: SeenHistories, left: Sequence[Profile]) -> Profile | None:
        given = self.answers.session
        if given is not None:
            return None if given == NONE else look_up(self.profiles, given)
        found = histories.find_session(left)
        return None if found is None else found[0]

    def _order(self, histories: SeenHistories, left: Sequence[Profile], session: Profile | None) -> list[Profile]:
        given = self.answers.order_by
        if given is not None:
            return [] if given == (NONE,) else [look_up(self.profiles, name) for name in given]
        return histories.find_order(left, session)


def _is_label(profile: Profile) -> bool:
    """True if a name says that the column is to be predicted, and its values can be labels."""
    is_late = profile.hints("time") or (profile.distinct != 2 and profile.hints("late"))
    # a column `clicks` or `deaths` counts, and so does `click_nb`
    few = 2 <= profile.distinct <= (2 if profile.name.endswith("s") else 20) and profile.missing < 0.999
    is_counted = profile.hints("sequence") or bool(COUNTS & set(words_of(profile.name)))
    is_named = profile.hints("label") and not is_counted
    return is_named and few and not is_late and profile.kind in ("number", "bool", "text")


def _is_key(profile: Profile) -> bool:
    """True if a column names another entity in each row."""
    return profile.distinct == profile.rows > 1 and (profile.means("person") or profile.means("thing"))


def _names_somebody(choice: EntityChoice) -> bool:
    return any(column.hints("person") or column.hints("thing") for column in choice.columns)
