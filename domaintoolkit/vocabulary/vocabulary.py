"""`Vocabulary`: all tokens and their ids."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from functools import cached_property
from itertools import pairwise
from operator import itemgetter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.display import Fragment, ShownChip
from domaintoolkit.errors import SHOWN, LookupFailedError, VocabularyError
from domaintoolkit.vocabulary import file_formats as file_formats
from domaintoolkit.vocabulary.token import KINDS, Token

__all__ = ["Vocabulary"]

_KIND, _FIELD, _KEY, _NAME = (itemgetter(Token._fields.index(name)) for name in ("kind", "field", "key", "name"))
_IDENTITY = itemgetter(*(Token._fields.index(name) for name in ("kind", "field", "key")))
FILE = "vocabulary.json"
FIRST_TOKENS = 8
"""Tokens of a field that a notebook shows."""
COMPARED = 5_000
"""Names that a failed look-up is compared with: enough to help, and quick for any vocabulary."""


class Vocabulary:
    """Tokens and their ids: the id of a token is its place in the order. Immutable.

    `extend` gives a vocabulary with more tokens at the end, so an id keeps its meaning for life. Each
    extension is a *generation*; `generations` is the chain of them, (size, hash) each, and the hash of a
    generation is that of its first `size` tokens.

    Examples:
        >>> vocabulary = Vocabulary.from_tokens(["[PAD]", "[view]", "[cart]"])
        >>> vocabulary.encode(["[cart]", "[view]"]), vocabulary.decode([2, 1])
        ([2, 1], ['[cart]', '[view]'])
    """

    _sizes: tuple[int, ...]
    _stored: file_formats.Stored | None = None

    def __init__(self, tokens: Iterable[Token], sizes: Sequence[int] = ()) -> None:
        """`sizes` are those of the generations, the last of them all tokens; without them, there is one."""
        self._hold(tuple(tokens), sizes)

    def _hold(self, tokens: tuple[Token, ...], sizes: Sequence[int]) -> None:
        sizes = tuple(sizes) or (len(tokens),)
        if sizes[-1] != len(tokens) or sizes[0] < 0 or any(a >= b for a, b in pairwise(sizes)):
            raise VocabularyError(f"the sizes {sizes} are not generations of {len(tokens)} tokens")
        _check(tokens)
        self._sizes = sizes
        # where `cached_property` looks first, so that `tokens` is not computed again
        vars(self)["tokens"] = tokens

    @cached_property
    def tokens(self) -> tuple[Token, ...]:
        """All tokens, in the order of their ids; those of a vocabulary from a file are read when first needed."""
        stored = self._stored
        if stored is not None:  # else another thread has just read them
            self._hold(stored.tokens(), self._sizes)
            self._stored = None
        tokens: tuple[Token, ...] = vars(self)["tokens"]
        return tokens

    @classmethod
    def from_tokens(cls, tokens: Iterable[str | Token]) -> Vocabulary:
        """A vocabulary built by hand; a string is the name of a token of kind `custom`."""
        return cls(_to_tokens(tokens))

    @classmethod
    def from_csv(cls, path: str | Path) -> Vocabulary:
        """Read a CSV file with a column `token` and, if wanted, id, kind, field, key, part, start, fusible, whole.

        Without ids, those are the places in the file.
        """
        return cls(file_formats.read_csv(path))

    @classmethod
    def from_json(cls, path: str | Path) -> Vocabulary:
        """Read what `to_json` wrote, a list of names, or an object of names and their ids."""
        return cls(*file_formats.read(path))

    def to_csv(self, path: str | Path) -> None:
        """Write a CSV file, a line for each token in the order of ids. Generations are not kept in it."""
        file_formats.write_csv(path, self.tokens)

    def to_json(self, path: str | Path) -> None:
        """Write tokens and generations as JSON, with a version and a checksum."""
        if self._stored is not None:
            self._stored.copy(path)
        else:
            file_formats.write(path, self._rows, self.generations)

    def save(self, directory: str | Path) -> None:
        """Write `vocabulary.json` into `directory`."""
        self.to_json(Path(directory) / FILE)

    @classmethod
    def load(cls, directory: str | Path) -> Vocabulary:
        """Read the `vocabulary.json` that `save` wrote into `directory`."""
        stored = file_formats.Stored.read(Path(directory) / FILE)
        made = cls.__new__(cls)
        made._stored, made._sizes = stored, tuple(size for size, _ in stored.generations)
        made.generations = stored.generations  # to find them again would take a fifth of the time
        return made

    def to_huggingface(self, directory: str | Path) -> None:
        """Write a folder that `transformers.AutoTokenizer.from_pretrained` loads, with the same ids and names."""
        from domaintoolkit.vocabulary.huggingface import write_tokenizer

        write_tokenizer(self.tokens, directory)

    def extend(self, tokens: Iterable[str | Token]) -> Vocabulary:
        """This vocabulary and those of `tokens` that it lacks, as one more generation.

        A token is known by its identity (kind, field, key); if all are known, the result is `self`.
        """
        known = {token.identity for token in self.tokens}
        added = [token for token in _to_tokens(tokens) if token.identity not in known]
        if not added:
            return self
        return Vocabulary(self.tokens + tuple(added), (*self._sizes, len(self.tokens) + len(added)))

    @cached_property
    def generations(self) -> tuple[tuple[int, str], ...]:
        """(size, hash) of each generation, the oldest first."""
        digest, chain = hashlib.sha256(b"["), []
        for start, size in pairwise((0, *self._sizes)):
            rows = ",".join(self._rows[start:size])
            digest.update((("," if start and rows else "") + rows).encode())
            # one pass over the rows: the hash of a generation closes a copy of the list so far
            whole = digest.copy()
            whole.update(b"]")
            chain.append((size, whole.hexdigest()))
        return tuple(chain)

    @cached_property
    def _rows(self) -> list[str]:
        """The canonical JSON of each token."""
        return file_formats.canonical_rows(self.tokens)

    @property
    def hash(self) -> str:
        """SHA-256, in hex, over the canonical JSON of all tokens."""
        return self.generations[-1][1]

    def accepts(self, other: Vocabulary | str) -> bool:
        """Return True if streams of `other` (or of the vocabulary with that hash) are streams of this one.

        They are if `other` is a generation of this vocabulary: the same tokens, or the first of them.
        """
        wanted = other if isinstance(other, str) else other.hash
        return any(found == wanted for _, found in self.generations)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The readable name of each id."""
        return tuple(map(_NAME, self.tokens))

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.names)}

    def token(self, id: int) -> Token:
        """The token of an id."""
        if not 0 <= id < len(self.tokens):
            raise self._no_id(id)
        return self.tokens[id]

    def id(self, name: str) -> int:
        """The id of the token called `name`."""
        try:
            return self._ids[name]
        except KeyError:
            raise LookupFailedError("token", name, self._close(name)) from None

    def encode(self, names: Iterable[str]) -> list[int]:
        """The ids of token names."""
        _refuse_text(names)
        table = self._ids
        try:
            return [table[name] for name in names]
        except KeyError as error:
            raise LookupFailedError("token", error.args[0], self._close(error.args[0])) from None

    def decode(self, ids: Iterable[int] | NDArray[np.integer]) -> list[str]:
        """The names of ids."""
        numbers = ids.tolist() if isinstance(ids, np.ndarray) else list(ids)
        names = self.names
        try:
            # checked for all at once; a negative number would count from the end
            if not numbers or (min(numbers) >= 0 and max(numbers) < len(names)):
                return [names[number] for number in numbers]
        except TypeError:  # text, None or a number with a fraction
            pass
        whole = (int, np.integer)
        raise self._no_id(next(n for n in numbers if not isinstance(n, whole) or not 0 <= n < len(names)))

    def __len__(self) -> int:
        return self._sizes[-1]

    def __iter__(self) -> Iterator[Token]:
        return iter(self.tokens)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, Hashable) and name in self._ids

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        return self.tokens == other.tokens and self._sizes == other._sizes

    def __hash__(self) -> int:
        return hash(self.hash)

    def __repr__(self) -> str:
        return f"<Vocabulary of {len(self):,} tokens, hash {self.hash[:12]}>"

    def _repr_html_(self) -> str:
        """The vocabulary as a notebook shows it: the first tokens of each kind and field."""
        groups: dict[tuple[str, str | None], list[ShownChip]] = {}
        for token in self.tokens:
            groups.setdefault((token.kind, token.field), []).append(ShownChip(token.name, token.field or token.kind))
        fields = [field or kind for kind, field in groups if kind not in ("special", "byte")]
        shown = Fragment(f"Vocabulary of {len(self):,} tokens", f"hash {self.hash[:12]}", fields)
        for (kind, field), chips in groups.items():
            shown.row(f"{field or kind}: {len(chips):,}", chips[:FIRST_TOKENS])
        return shown.html()

    def _no_id(self, id: object) -> LookupFailedError:
        return LookupFailedError("token with id", id, [f"0 to {len(self) - 1}"] if self.tokens else [])

    def _close(self, name: object) -> list[str]:
        """Names like `name`: those of the same field if there are any."""
        head = str(name).partition("=")[0].partition(" ")[0]
        related = [other for other in self.names if other.startswith(head)] if head else []
        # `difflib` compares letter by letter: hundreds of thousands of names would take seconds
        candidates = (related or self.names)[:COMPARED]
        return get_close_matches(str(name), candidates, n=5) or list(candidates[:SHOWN])


def _to_tokens(tokens: Iterable[str | Token]) -> list[Token]:
    _refuse_text(tokens)
    made = []
    for place, token in enumerate(tokens):
        if not isinstance(token, str | Token):
            raise VocabularyError(f"expected the name of a token, got {token!r} at [{place}]")
        made.append(token if isinstance(token, Token) else Token("custom", None, token, token))
    return made


def _refuse_text(names: object) -> None:
    """Refuse a string: it is a sequence of characters, but never meant as one."""
    if isinstance(names, str):
        raise VocabularyError(f"expected a list of tokens, got the one string {names!r}")


def _check(tokens: tuple[Token, ...]) -> None:
    """Raise `VocabularyError`, naming all tokens that a file could not hold."""
    for what, values in (
        ("name", list(map(_NAME, tokens))),
        ("identity", list(map(_IDENTITY, tokens))),
    ):
        if len(set(values)) != len(values):
            twice = [repr(value) for value, count in Counter(values).items() if count > 1]
            raise VocabularyError(f"several tokens have the same {what}: {', '.join(twice)}")
    kinds = sorted(set(map(_KIND, tokens)) - set(KINDS))
    if kinds:
        raise VocabularyError(
            f"unknown kinds of tokens: {', '.join(map(repr, kinds))}; the kinds are: {', '.join(KINDS)}"
        )
    try:
        # all texts at once; the tokens at fault are looked for only if there are any
        for part in (_NAME, _KEY):
            "".join(map(part, tokens)).encode()
        "".join(filter(None, set(map(_FIELD, tokens)))).encode()
    except UnicodeEncodeError:
        wrong = [token.name for token in tokens if not _valid(token)]
        raise VocabularyError(f"not valid Unicode in the tokens {', '.join(map(repr, wrong))}") from None


def _valid(token: Token) -> bool:
    try:
        return bool((token.name + token.key + (token.field or "")).encode()) or True
    except UnicodeEncodeError:
        return False
