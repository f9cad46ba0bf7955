"""Tokenizers and what belongs to them, as they are shown; and names that users of other libraries try first."""

from __future__ import annotations

import copy
import pickle

import pytest

import domaintoolkit as dt

ROWS = {"user": [1, 2, 2], "what": ["a", "b", "c"], "price": [1.5, 2.0, 9.0]}


def test_every_public_object_is_shown_in_short() -> None:
    schema = dt.Schema(entity="user", fields=[dt.Categorical("what"), dt.Numeric("price", bins=2)])
    tokenizer = dt.DomainTokenizer(schema)
    assert repr(schema) == "<Schema of user: what, price>"
    assert repr(schema.fields[1]) == "Numeric('price', bins=2)"
    assert repr(tokenizer) == "<DomainTokenizer of user: 2 fields, not fitted>"
    tokenizer.partial_fit(ROWS)
    assert repr(tokenizer) == "<DomainTokenizer of user: 2 fields, 3 rows counted>"
    streams = tokenizer.fit_encode(ROWS)
    domain = dt.get_domain("ads")
    encoder = tokenizer.layout.fields[0]
    shown = [tokenizer, streams, tokenizer.vocabulary, tokenizer.grammar, encoder, domain, domain.reader, domain.schema]
    shown += [tokenizer.fit_state(ROWS), dt.list_domains(), domain.reader.columns[0], streams.counts]
    for each in shown:
        assert len(repr(each)) < 400, each
        assert " object at 0x" not in repr(each)


def test_a_notebook_shows_fields_in_colours() -> None:
    schema = dt.Schema(entity="user", fields=[dt.Categorical("what"), dt.Numeric("price", bins=2)])
    tokenizer = dt.DomainTokenizer(schema)
    assert "bins=2" in tokenizer._repr_html_()
    tokenizer.fit(ROWS)
    for shown in (tokenizer._repr_html_(), tokenizer.vocabulary._repr_html_()):
        assert "[what=a]" in shown
        assert "--dt-hue: 190" in shown


def test_names_of_other_libraries_lead_to_ours() -> None:
    tokenizer = dt.DomainTokenizer(dt.Schema(entity="user", fields=[dt.Categorical("what")]))
    with pytest.raises(AttributeError, match="no attribute 'fit_transform'; here it is called fit_encode"):
        tokenizer.fit_transform(ROWS)
    with pytest.raises(AttributeError, match=r"no attribute 'banana'$"):
        tokenizer.banana  # noqa: B018
    assert not hasattr(tokenizer, "transform")
    assert pickle.loads(pickle.dumps(copy.deepcopy(tokenizer))).schema == tokenizer.schema


def test_subpackages_need_no_second_import() -> None:
    assert dt.train.load_recipe is not None
    assert {"train", "generate", "testing", "jobs"} <= set(dir(dt))
