"""`KeptCounts`: the counts that a tokenizer was fitted on, at hand, still in the bytes of a file, or gone."""

from __future__ import annotations

from collections.abc import Mapping

from domaintoolkit.encoders import EncoderType
from domaintoolkit.errors import ArtifactError, NotFittedError
from domaintoolkit.schema import Schema
from domaintoolkit.tokenizer import saving
from domaintoolkit.tokenizer.fit_state import FitState

__all__ = ["KeptCounts"]

_GONE = "was saved without its counts (`save` keeps them with counts=True), or extended, which fixes its ids"


class KeptCounts:
    """The counts of a schema's fields. Those of a file are read when they are first needed."""

    def __init__(self, schema: Schema, kinds: Mapping[str, EncoderType]) -> None:
        self._schema, self._kinds = schema, kinds
        self.state: FitState | None = None
        """The counts that are at hand."""
        self._saved: bytes | None = None

    def __bool__(self) -> bool:
        return self.state is not None or self._saved is not None

    def keep(self, state: FitState) -> None:
        """Keep counts in place of those so far."""
        self.state, self._saved = state, None

    def keep_saved(self, data: bytes | None) -> None:
        """Keep the counts of a file, if it has any, in place of those so far."""
        self.state, self._saved = None, data

    def to_bytes(self, limit: int | None) -> bytes | None:
        """The counts as a file holds them; None if there are none, or if they take more than `limit` bytes."""
        if limit == 0 or self.state is None:
            return None if self._saved is None or (limit is not None and len(self._saved) > limit) else self._saved
        return self.state.to_bytes(limit)

    def need(self, whose: str, use: str) -> None:
        """Raise `NotFittedError` for a fitted tokenizer whose counts are gone."""
        if not self:
            raise NotFittedError(f"{whose} tokenizer has no counts to {use}: it {_GONE}")

    def read(self) -> FitState:
        """The counts, to add to; new ones if there are none."""
        if self._saved is not None:
            try:
                self.state = FitState.from_bytes(self._schema, self._kinds, self._saved)
            except ValueError as error:
                raise ArtifactError(saving.COUNTS, f"does not hold the counts of this tokenizer: {error}") from None
            self._saved = None
        return FitState(self._schema, self._kinds) if self.state is None else self.state
