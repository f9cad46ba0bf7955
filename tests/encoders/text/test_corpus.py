from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.encoders.text.corpus import BUDGET, Corpus, thin

COUNTS = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5), st.integers(1, 1 << 40), max_size=12
)


def _table(counts: dict[str, int]) -> pa.Table:
    names = sorted(counts, key=str.encode)
    return pa.table(
        {"value": pa.array(names, pa.large_string()), "count": pa.array([counts[name] for name in names], pa.int64())}
    )


@given(COUNTS)
def test_work_is_bounded_and_frequent_texts_weigh_more(counts: dict[str, int]) -> None:
    corpus = Corpus.of(_table(counts))
    sizes = [len(text.encode()) for text in corpus.texts]
    shown = sum(weight * size for weight, size in zip(corpus.weights, sizes, strict=True))
    assert shown <= BUDGET + sum(sizes)
    assert all(weight >= 1 for weight in corpus.weights)
    pairs = sorted((counts[text], weight) for text, weight in zip(corpus.texts, corpus.weights, strict=True))
    assert [weight for _, weight in pairs] == sorted(corpus.weights)


def test_small_counts_are_exact() -> None:
    assert list(Corpus.of(_table({"b": 2, "a": 1, "": 1}))) == ["a", "b", "b"]


@given(COUNTS, COUNTS, st.integers(1, 6))
def test_thinning_parts_is_thinning_the_whole(first: dict[str, int], second: dict[str, int], limit: int) -> None:
    def merged(*parts: pa.Table) -> pa.Table:
        both = pa.concat_tables(parts).group_by("value").aggregate([("count", "max")])
        return both.rename_columns(["value", "count"]).sort_by("value")

    whole = thin(merged(_table(first), _table(second)), limit)
    parts = thin(merged(thin(_table(first), limit), thin(_table(second), limit)), limit)
    assert whole["value"].to_pylist() == parts["value"].to_pylist()
    assert len(whole) == min(limit, len(first | second))
