from __future__ import annotations

import pytest
from torch import nn

from domaintoolkit.model.evaluation_mode import evaluation_mode


def fail(module: nn.Module) -> None:
    with evaluation_mode(module):
        assert not module.training
        raise ZeroDivisionError


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_is_that_of_before_also_after_an_error(training: bool) -> None:
    module = nn.Dropout().train(training)
    with pytest.raises(ZeroDivisionError):
        fail(module)
    assert module.training is training
