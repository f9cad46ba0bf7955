from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.errors import LookupFailedError, VocabularyError
from domaintoolkit.vocabulary import Token, Vocabulary

WORD = st.text(max_size=4)
CUSTOM = st.lists(WORD, unique=True, max_size=8)


@st.composite
def vocabularies(draw: st.DrawFn) -> Vocabulary:
    """Several generations of tokens of every shape."""
    names = draw(CUSTOM)
    tokens = [
        Token(
            draw(st.sampled_from(["custom", "field", "static", "composite"])),
            draw(st.none() | st.text(min_size=1, max_size=3)),
            f"{i}{name}",
            name,
            draw(st.integers(0, 3)),
            *(draw(st.booleans()) for _ in range(3)),
        )
        for i, name in enumerate(names)
    ]
    cuts = sorted(draw(st.lists(st.integers(0, len(tokens)), max_size=2)))
    vocabulary = Vocabulary.from_tokens(tokens[: cuts[0]] if cuts else tokens)
    for cut in [*cuts[1:], len(tokens)]:
        vocabulary = vocabulary.extend(tokens[:cut])
    return vocabulary


@given(vocabularies())
def test_ids_and_names(vocabulary: Vocabulary) -> None:
    ids = list(range(len(vocabulary)))
    names = vocabulary.decode(ids)
    assert names == [token.name for token in vocabulary] == vocabulary.decode(np.array(ids, np.uint16))
    assert vocabulary.encode(names) == ids == [vocabulary.id(name) for name in names]
    assert all(name in vocabulary and vocabulary.token(number).name == name for number, name in enumerate(names))


@given(vocabularies())
def test_saved_is_the_same(tmp_path_factory: pytest.TempPathFactory, vocabulary: Vocabulary) -> None:
    folder = tmp_path_factory.mktemp("vocabulary")
    vocabulary.save(folder)
    again = Vocabulary.load(folder)
    assert again == vocabulary
    assert (again.hash, again.generations, hash(again)) == (vocabulary.hash, vocabulary.generations, hash(vocabulary))
    vocabulary.to_json(folder / "other.json")
    assert Vocabulary.from_json(folder / "other.json") == vocabulary
    vocabulary.to_csv(folder / "tokens.csv")
    assert Vocabulary.from_csv(folder / "tokens.csv").tokens == vocabulary.tokens


@given(vocabularies(), CUSTOM)
def test_extending_moves_no_id(vocabulary: Vocabulary, names: list[str]) -> None:
    fresh = [name + " new" for name in names if name + " new" not in vocabulary]
    extended = vocabulary.extend([*vocabulary.tokens[::-1], *fresh])
    assert extended.tokens[: len(vocabulary)] == vocabulary.tokens
    assert extended.names[len(vocabulary) :] == tuple(fresh)
    assert extended.generations[: len(vocabulary.generations)] == vocabulary.generations
    assert len(extended.generations) == len(vocabulary.generations) + bool(fresh)
    assert extended.accepts(vocabulary)
    assert extended.accepts(vocabulary.hash)
    assert vocabulary.accepts(extended) == (not fresh)
    assert (extended is vocabulary) == (not fresh)


@given(vocabularies())
def test_the_hash_of_a_generation_is_that_of_its_tokens(vocabulary: Vocabulary) -> None:
    for size, digest in vocabulary.generations:
        assert Vocabulary(vocabulary.tokens[:size]).hash == digest


@given(CUSTOM, CUSTOM)
def test_the_hash_tells_vocabularies_apart(first: list[str], second: list[str]) -> None:
    one, other = Vocabulary.from_tokens(first), Vocabulary.from_tokens(second)
    assert (one.hash == other.hash) == (first == second) == (one == other)


def test_all_duplicates_are_named() -> None:
    with pytest.raises(VocabularyError, match="'a', 'c'"):
        Vocabulary.from_tokens(["a", "b", "a", "c", "c"])
    with pytest.raises(VocabularyError, match="same identity"):
        Vocabulary([Token("custom", None, "k", "a"), Token("custom", None, "k", "b")])
    with pytest.raises(VocabularyError, match="same name"):
        Vocabulary.from_tokens(["a"]).extend([Token("field", "f", "k", "a")])


def test_what_cannot_be_a_vocabulary_is_refused() -> None:
    with pytest.raises(VocabularyError, match="not valid Unicode"):
        Vocabulary.from_tokens(["ok", "\ud800"])
    with pytest.raises(VocabularyError, match="unknown kind"):
        Vocabulary([Token("odd", None, "k", "a")])
    with pytest.raises(VocabularyError, match="one string"):
        Vocabulary.from_tokens("abc")
    with pytest.raises(VocabularyError, match="are not generations"):
        Vocabulary([Token("custom", None, "k", "a")], [1, 1])


def test_a_failed_look_up_names_what_is_close() -> None:
    vocabulary = Vocabulary.from_tokens(["[PAD]", "[brand=samsung]", "[brand=apple]"])
    for look_up in (vocabulary.id, lambda name: vocabulary.encode([name])):
        with pytest.raises(LookupFailedError, match="did you mean") as caught:
            look_up("[brand=samsang]")
        assert "[brand=samsung]" in caught.value.available
    for number in (-1, 3):
        with pytest.raises(LookupFailedError, match="0 to 2"):
            vocabulary.token(number)
        with pytest.raises(LookupFailedError, match="0 to 2"):
            vocabulary.decode([0, number])
    assert object() not in vocabulary
    assert [] not in vocabulary


def test_the_hash_is_for_life() -> None:
    vocabulary = Vocabulary.from_tokens(["[PAD]", "é"])
    assert vocabulary.hash == "09bea5bc2d917810a749906bae609204ef1ed44a88512f0177a5f0719400e56e"
    assert repr(vocabulary).startswith("<Vocabulary of 2 tokens")


@pytest.mark.parametrize("wrong", [1, None, b"a", ("a",)])
def test_what_is_no_name_is_refused_with_its_place(wrong: object) -> None:
    with pytest.raises(VocabularyError, match=r"got .* at \[1\]"):
        Vocabulary.from_tokens(["a", wrong])  # type: ignore[list-item]


@pytest.mark.parametrize("wrong", [1.5, "0", None, -1, 2])
def test_what_is_no_id_is_refused(wrong: object) -> None:
    with pytest.raises(LookupFailedError, match=r"unknown token with id .* available: 0 to 1"):
        Vocabulary.from_tokens(["a", "b"]).decode([0, wrong])  # type: ignore[list-item]
    with pytest.raises(LookupFailedError):
        Vocabulary.from_tokens(["a", "b"]).decode(np.array([0.0, 1.0]))  # type: ignore[arg-type]


def test_one_string_is_no_list_of_names() -> None:
    with pytest.raises(VocabularyError, match="the one string 'ab'"):
        Vocabulary.from_tokens(["a", "b"]).encode("ab")
