from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.finetune.examples import deal_batches


@given(st.lists(st.integers(0, 6), min_size=1, max_size=60), st.integers(1, 9), st.integers(0, 3))
def test_every_row_is_dealt_once_and_groups_stay_together(groups: list[int], batch: int, epoch: int) -> None:
    rows, together = np.arange(len(groups)) * 3, np.array(groups)
    dealt = list(deal_batches(rows, together, batch, (1, epoch)))
    assert sorted(np.concatenate(dealt).tolist()) == rows.tolist()
    assert all(0 < len(each) <= batch for each in dealt)
    for group in set(groups):
        size = groups.count(group)
        holding = [each for each in dealt if (together[each // 3] == group).any()]
        assert len(holding) <= -(-size // batch) + (size > batch)
    again = list(deal_batches(rows, together, batch, (1, epoch)))
    assert all(np.array_equal(one, other) for one, other in zip(dealt, again, strict=True))
