"""The names that a shell offers."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from domaintoolkit.cli import main


def offered(*words: str) -> list[str]:
    found = ShellComplete(main, {}, "domaintoolkit", "_DOMAINTOOLKIT_COMPLETE").get_completions(
        list(words[:-1]), words[-1]
    )
    return [item.value for item in found]


def test_commands_and_options() -> None:
    assert offered("enc") == ["encode"]
    assert "--overwrite" in offered("encode", "--o")


@pytest.mark.parametrize("command", ["encode", "fit", "verify", "train", "study"])
def test_domains(command: str) -> None:
    assert offered(command, "--domain", "ec") == ["ecommerce"]
    assert offered("check", "ec") == offered("sample", "ec") == ["ecommerce"]


def test_presets_devices_and_settings_of_models() -> None:
    assert offered("train", "--preset", "41") == ["410k"]
    assert offered("plan", "--gpu", "h") == ["h100"]
    assert "position=" in offered("train", "--model", "p")
    assert offered("train", "--family", "e") == ["event"]


def test_columns_of_a_domain_of_a_schema_file_and_of_an_encoded_folder(encoded: Path, tmp_path: Path) -> None:
    assert offered("encode", "-d", "ads", "--column", "ch") == ["channel="]
    assert offered("drift", str(encoded), "--column", "bra") == ["brand="]
    schema = tmp_path / "schema.toml"
    schema.write_text('entity = "user"\nfields = [{ type = "categorical", name = "page" }]\n')
    assert offered("encode", "--schema", str(schema), "--column", "") == ["user=", "page="]


def test_fields_of_an_encoded_folder(encoded: Path) -> None:
    assert offered("evaluate", str(encoded), "--next", "pr") == ["product_id", "price"]


def test_labels_of_an_encoded_folder(encoded: Path) -> None:
    assert offered("evaluate", str(encoded), "--label", "") == offered("finetune", "run", str(encoded), "--label", "")


def test_studies_and_their_forms() -> None:
    assert offered("study", "si") == ["sizes"]
    assert offered("study", "sizes", "--form", "s") == ["small"]


def test_a_completion_that_fails_offers_nothing() -> None:
    assert offered("encode", "--schema", "nowhere.toml", "--column", "") == []
