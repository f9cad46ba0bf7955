from __future__ import annotations

import gc

from domaintoolkit.util.collector import OBJECTS, collect_seldom


def test_the_collector_runs_seldom_and_then_as_before() -> None:
    before = gc.get_threshold()
    with collect_seldom():
        assert gc.get_threshold() == (OBJECTS, *before[1:])
        with collect_seldom():
            assert gc.get_threshold()[0] == OBJECTS
        assert gc.get_threshold()[0] == OBJECTS
    assert gc.get_threshold() == before


def test_who_leaves_first_leaves_the_other_as_it_is() -> None:
    before, first, second = gc.get_threshold(), collect_seldom(), collect_seldom()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold()[0] == OBJECTS
    second.__exit__(None, None, None)
    assert gc.get_threshold() == before


def test_a_collector_that_is_off_stays_off() -> None:
    before = gc.get_threshold()
    gc.set_threshold(0)
    try:
        with collect_seldom():
            assert gc.get_threshold()[0] == 0
    finally:
        gc.set_threshold(*before)


def test_objects_of_the_block_are_old_at_its_end() -> None:
    with collect_seldom():
        gc.collect()
        made = [[] for _ in range(10)]
    young = {id(each) for each in gc.get_objects(generation=0)}
    assert not young & {id(each) for each in made}
    assert gc.get_freeze_count() == 0


def test_what_was_frozen_stays_so() -> None:
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        with collect_seldom():
            pass
        assert gc.get_freeze_count() == frozen > 0
    finally:
        gc.unfreeze()
