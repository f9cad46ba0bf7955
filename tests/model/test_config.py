from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toy_grammar import plain_layout

from domaintoolkit.errors import LookupFailedError, SchemaError
from domaintoolkit.grammar import Grammar
from domaintoolkit.model import (
    EVENT_PRESETS,
    PRESETS,
    EventModel,
    EventModelConfig,
    TokenModel,
    TokenModelConfig,
    event_parameters,
    parameters,
    preset,
)
from domaintoolkit.model.config import event_preset
from domaintoolkit.reading.sample import read_sample
from domaintoolkit.registry import get_domain
from domaintoolkit.schema.convert import from_dict, to_dict
from domaintoolkit.tokenizer import DomainTokenizer

CONFIGS = st.builds(
    TokenModelConfig,
    vocabulary_size=st.integers(3, 50),
    width=st.sampled_from([16, 48]),
    layers=st.integers(1, 3),
    heads=st.sampled_from([1, 2, 4]),
    multiple=st.none() | st.floats(0.5, 5),
    position=st.sampled_from(["none", "rope", "learned", "rope+learned"]),
    norm=st.sampled_from(["rmsnorm", "layernorm"]),
    activation=st.sampled_from(["swiglu", "geglu", "gelu"]),
    bias=st.booleans(),
    parallel=st.booleans(),
    tied=st.booleans(),
    block=st.integers(8, 32),
)


def built(config: TokenModelConfig) -> tuple[int, int]:
    layout = plain_layout(config.vocabulary_size)
    with torch.device("meta"):
        model = TokenModel(config, layout, "none")
    sizes = {name: entry.numel() for name, entry in model.named_parameters()}
    return sum(sizes.values()), sum(size for name, size in sizes.items() if ".attn_layers." in name)


@pytest.mark.slow
@given(CONFIGS)
def test_parameters_are_those_of_the_built_model(config: TokenModelConfig) -> None:
    assert parameters(config) == built(config)


@pytest.fixture(scope="module")
def shop() -> Grammar:
    domain = get_domain("ecommerce")
    return DomainTokenizer(domain.schema).fit(read_sample(domain, 300).read_all()).grammar


@pytest.mark.parametrize("name", EVENT_PRESETS)
def test_event_presets_have_the_parameters_that_they_are_named_by(name: str, shop: Grammar) -> None:
    config = event_preset(name, len(shop.place), block=16)
    _, inside = event_parameters(config, shop)
    number = name.removeprefix("event-")
    assert inside == pytest.approx(float(number[:-1]) * (1e6 if number.endswith("m") else 1e3), rel=0.05)
    if number in ("14k", "54k"):
        model = EventModel(config, shop, "")
        assert inside == sum(value.numel() for key, value in model.named_parameters() if key not in model.grows)


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_presets_have_the_parameters_that_they_are_named_by(name: str) -> None:
    config = preset(name, 4_000)
    whole, inside = parameters(config)
    assert (whole, inside) == built(config)
    if name == "24m":
        assert (config.width, config.layers, config.heads) == (512, 6, 8)
        assert f"{whole / 1e6:.1f}" == "20.9"
    elif name == "330m":
        assert (config.width, config.layers, config.heads) == (1024, 24, 16)
        assert parameters(preset(name, 30_000))[0] / 330e6 == pytest.approx(1, abs=0.03)
    else:
        named = float(name[:-1]) * (1e6 if name.endswith("m") else 1e3)
        assert inside / named == pytest.approx(1, abs=0.06)


@given(CONFIGS)
def test_plain_data_and_back(config: TokenModelConfig) -> None:
    assert from_dict(TokenModelConfig, to_dict(config)) == config
    event = EventModelConfig(**to_dict(config), sequential=False)
    assert from_dict(EventModelConfig, to_dict(event)) == event


def test_all_problems_at_once() -> None:
    with pytest.raises(SchemaError) as caught:
        TokenModelConfig(vocabulary_size=0, width=-1, norm="none", dropout=1.5)  # type: ignore[arg-type]
    assert {problem.path for problem in caught.value.problems} == {"vocabulary_size", "width", "norm", "dropout"}
    with pytest.raises(SchemaError, match="heads: must divide the width 10"):
        TokenModelConfig(vocabulary_size=5, width=10, heads=4)
    with pytest.raises(SchemaError, match="position: rope needs an even head width"):
        TokenModelConfig(vocabulary_size=5, width=9, heads=3, position="rope")


def test_unknown_preset_lists_the_known() -> None:
    with pytest.raises(LookupFailedError, match="24m"):
        preset("25mm", 10)
    with pytest.raises(LookupFailedError):
        event_preset("none", 10)
