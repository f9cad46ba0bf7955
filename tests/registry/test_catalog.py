"""What the registry makes of good, broken, misspelt and quarrelling plugins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import ModuleType, SimpleNamespace

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.errors import LookupFailedError, PluginError
from domaintoolkit.registry import build_manager, get_domain, get_encoder, hookimpl, list_domains, list_encoders
from domaintoolkit.schema import Categorical, Column, Domain, Reader, Schema


def sample(events: int, seed: int) -> Iterator[pa.RecordBatch]:
    yield pa.record_batch({"who": ["a"] * events, "what": ["b"] * events})


def domain(name: str) -> Domain:
    schema = Schema(entity=("who",), fields=(Categorical("what"),))
    return Domain(name, "a domain of the tests", schema, Reader((Column("who"), Column("what"))), sample)


def plugin(name: str, *domains: object) -> ModuleType:
    module = ModuleType(name)

    @hookimpl
    def domaintoolkit_domains() -> Iterable[object]:
        return domains

    module.domaintoolkit_domains = domaintoolkit_domains  # type: ignore[attr-defined]
    return module


class Raises:
    @hookimpl
    def domaintoolkit_domains(self) -> Iterable[Domain]:
        raise OSError("the disk\nis gone")


class Exits:
    @hookimpl
    def domaintoolkit_domains(self) -> Iterable[Domain]:
        raise SystemExit(3)


class StopsHalfway:
    @hookimpl
    def domaintoolkit_domains(self) -> Iterable[Domain]:
        yield domain("first")
        raise ZeroDivisionError


class NotADomain:
    @hookimpl
    def domaintoolkit_domains(self) -> Iterable[object]:
        return (domain("early"), "shop")


class ForgotTheTuple:
    @hookimpl
    def domaintoolkit_domains(self) -> object:
        return domain("alone")


class ReturnsNothing:
    @hookimpl
    def domaintoolkit_domains(self) -> None: ...


class Misspelt:
    @hookimpl
    def domaintoolkit_domain(self) -> Iterable[Domain]:
        return (domain("never"),)

    @hookimpl
    def domaintoolkit_domains(self) -> Iterable[Domain]:
        return (domain("spelt"),)


class WithoutMarker:
    def domaintoolkit_domains(self) -> Iterable[Domain]:
        return (domain("never"),)


class OtherPrefix:
    @hookimpl
    def domains(self) -> Iterable[Domain]:
        return (domain("never"),)


class Later:
    @hookimpl(optionalhook=True)
    def domaintoolkit_of_a_later_version(self) -> None: ...


class WantsArguments:
    @hookimpl
    def domaintoolkit_domains(self, config: object) -> Iterable[Domain]:
        return ()


class Wraps:
    @hookimpl(wrapper=True)
    def domaintoolkit_domains(self) -> Iterator[None]:
        yield


@given(
    st.lists(st.sampled_from("abcdef"), unique=True).flatmap(
        lambda names: st.tuples(st.just(names), st.permutations(names))
    )
)
def test_the_order_of_installation_does_not_matter(orders: tuple[Sequence[str], Sequence[str]]) -> None:
    one, other = (list_domains(build_manager([plugin(f"plugin_{name}", domain(name)) for name in o])) for o in orders)
    assert list(one.domains) == list(other.domains) == sorted(orders[0])
    assert one.owners == other.owners
    assert not one.failures


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (Raises(), "OSError: the disk is gone"),
        (Exits(), "SystemExit: 3"),
        (StopsHalfway(), "ZeroDivisionError"),
        (NotADomain(), "expected a domaintoolkit.schema.Domain, got 'shop'"),
        (ForgotTheTuple(), "expected a tuple of domains"),
        (ReturnsNothing(), "expected a tuple of domains, got None"),
        (WantsArguments(), "cannot be registered"),
        (Wraps(), "do not support wrappers"),
        (WithoutMarker(), "domaintoolkit_domains is not marked with @hookimpl"),
        (OtherPrefix(), "unknown hook domains"),
        (
            Misspelt(),
            "unknown hook domaintoolkit_domain; the hooks are domaintoolkit_domains and domaintoolkit_encoders",
        ),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_a_broken_plugin_is_reported_and_the_others_work(broken: object, reason: str) -> None:
    catalog = list_domains(build_manager([plugin("good", domain("good")), broken]))
    assert "good" in catalog.domains
    assert "never" not in catalog.domains
    (failure,) = catalog.failures
    assert failure.plugin.name == type(broken).__name__
    assert reason in failure.reason
    assert "\n" not in failure.reason


def test_the_well_spelt_hooks_of_a_plugin_with_a_misspelt_one_work() -> None:
    assert list(list_domains(build_manager([Misspelt()])).domains) == ["spelt"]


def test_hooks_marked_optional_are_for_other_versions() -> None:
    assert not list_domains(build_manager([Later()])).failures


def test_a_domain_of_a_broken_plugin_fails_with_the_cause() -> None:
    manager = build_manager([plugin("good", domain("good")), StopsHalfway(), Raises()])
    with pytest.raises(PluginError, match=r"StopsHalfway.*ZeroDivisionError"):
        get_domain("first", manager)
    with pytest.raises(PluginError, match="OSError: the disk is gone") as raised:
        get_domain("Raises", manager)
    assert raised.value.plugin == "Raises"


def test_a_failed_lookup_lists_the_domains_and_the_broken_plugins() -> None:
    manager = build_manager([plugin("one", domain("shop"), domain("bank")), Raises()])
    with pytest.raises(LookupFailedError) as raised:
        get_domain("shpo", manager)
    assert raised.value.available == ("bank", "shop")
    message = str(raised.value)
    assert "did you mean 'shop'?" in message
    assert "plugin 'Raises': domaintoolkit_domains failed: OSError: the disk is gone" in message


def test_two_owners_of_a_name_are_both_named_and_both_refused() -> None:
    manager = build_manager([plugin("one", domain("shop"), domain("bank")), plugin("two", domain("shop"))])
    catalog = list_domains(manager)
    assert list(catalog.domains) == ["bank"]
    assert [failure.plugin.name for failure in catalog.failures] == ["one", "two"]
    with pytest.raises(PluginError, match=r"plugin 'one'.*also registered by plugin 'two'"):
        get_domain("shop", manager)


def test_one_plugin_cannot_give_a_name_twice() -> None:
    catalog = list_domains(build_manager([plugin("one", domain("shop"), domain("shop"))]))
    assert not catalog.domains
    assert {failure.names for failure in catalog.failures} == {("shop",)}


def test_two_plugins_may_have_the_same_name() -> None:
    catalog = list_domains(build_manager([plugin("same", domain("shop")), plugin("same", domain("bank"))]))
    assert list(catalog.domains) == ["bank", "shop"]
    assert len(set(catalog.owners.values())) == 2


class State:
    pass


def with_encoder(value: object) -> ModuleType:
    module = ModuleType("encoding")
    module.domaintoolkit_encoders = hookimpl(lambda: (value,))  # type: ignore[attr-defined]
    module.domaintoolkit_encoders.__name__ = "domaintoolkit_encoders"
    return module


def test_encoders_are_found_by_name() -> None:
    moon = SimpleNamespace(name="moon", state=State, encoder=State)
    assert get_encoder("moon", build_manager([with_encoder(moon)])) is moon
    with pytest.raises(LookupFailedError, match="unknown encoder 'sun'; available: moon"):
        get_encoder("sun", build_manager([with_encoder(moon)]))


@pytest.mark.parametrize(
    "wrong",
    [
        SimpleNamespace(name="", state=State, encoder=State),
        SimpleNamespace(name="moon", state=State(), encoder=State),
        SimpleNamespace(name="moon", state=State),
        State,
    ],
)
def test_a_value_that_is_not_an_encoder_is_reported(wrong: object) -> None:
    found = list_encoders(build_manager([with_encoder(wrong)]))
    assert not found.encoders
    assert "EncoderType" in found.failures[0].reason


def test_without_plugins_there_are_no_domains() -> None:
    manager = build_manager()
    assert list_domains(manager).domains == {}
    assert list_encoders(manager).failures == ()
    with pytest.raises(LookupFailedError, match="available: none"):
        get_domain("shop", manager)
