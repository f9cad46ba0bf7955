from __future__ import annotations

import pytest

from domaintoolkit._lazy import lazy


def test_names_come_from_their_modules_when_they_are_asked_for() -> None:
    get, names = lazy("domaintoolkit", {"_lazy": ("lazy",)}, ("lazy", "__version__"))
    assert get("lazy") is lazy
    assert names() == ["__version__", "lazy"]
    with pytest.raises(AttributeError, match="module 'domaintoolkit' has no attribute 'other'"):
        get("other")
