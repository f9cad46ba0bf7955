from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_grammar import EVENTS, HEADER, grammar, streams, tokens

from domaintoolkit.errors import ArtifactError, NewerVersionError, VocabularyMismatchError
from domaintoolkit.model import EventModel, TokenBatch, TokenModel, event_preset, events_from_streams, preset
from domaintoolkit.model.bound_model import FORMAT, TABLES, VERSION
from domaintoolkit.util.artifacts import read_json, write_json
from domaintoolkit.vocabulary import Token, Vocabulary
from domaintoolkit.vocabulary.token_grammar import grammar_of

RULES = grammar()
FIRST = Vocabulary.from_tokens(tokens())
LATER = FIRST.extend([Token("field", "brand", "=new", "[brand=new]", fusible=True)])
OTHER = Vocabulary.from_tokens([*tokens(), Token("field", "brand", "=other", "[brand=other]", fusible=True)])
LATER_RULES = grammar_of(LATER.tokens, HEADER, EVENTS)


def models(**changes: Any) -> list[Any]:
    size = len(FIRST)
    return [
        TokenModel(preset("54k", size, **changes), RULES, FIRST.hash).eval(),
        EventModel(event_preset("54k", size, **changes), RULES, FIRST.hash).eval(),
    ]


def loss(model: Any) -> torch.Tensor:
    ids, offsets, _ = streams(RULES, 3, 1, shortest=2)
    with torch.no_grad():
        if isinstance(model, EventModel):
            found: torch.Tensor = model.loss(events_from_streams(ids, offsets, RULES).batch()).nats_by_part
            return found
        block = torch.from_numpy(ids)[None]
        report: torch.Tensor = model.loss(TokenBatch(block, torch.zeros_like(block))).nats_by_part
        return report


@pytest.mark.slow
@settings(max_examples=6)
@given(st.sampled_from(["none", "rope", "learned"]), st.booleans())
def test_load_after_save_computes_the_same(tmp_path_factory: pytest.TempPathFactory, position: str, tied: bool) -> None:
    for model in models(position=position, tied=tied):
        folder = tmp_path_factory.mktemp("model")
        model.save_pretrained(folder)
        again = type(model).from_pretrained(folder, vocabulary=FIRST)
        assert again.config == model.config
        assert again.part_names == model.part_names
        assert torch.equal(loss(again), loss(model))
        with pytest.raises(VocabularyMismatchError):
            type(model).from_pretrained(folder, vocabulary=OTHER)
        with pytest.raises(VocabularyMismatchError, match="resize the model first"):
            type(model).from_pretrained(folder, vocabulary=LATER)


def test_resizing_changes_nothing_for_old_tokens(tmp_path: Path) -> None:
    ids, _, _ = streams(RULES, 1, 1)
    for number, model in enumerate(models(tied=False)):
        before = {name: entry.clone() for name, entry in model.named_parameters()}
        if isinstance(model, TokenModel):
            logits = model(torch.from_numpy(ids)[None])
        with pytest.raises(VocabularyMismatchError, match="not a later generation"):
            model.resize(OTHER, RULES)
        model.resize(LATER, LATER_RULES)
        assert model.config.vocabulary_size == len(LATER)
        for name, entry in model.named_parameters():
            assert torch.equal(entry[: len(before[name])], before[name])
            assert (len(entry) == len(LATER)) == (name in model.grows)
        if isinstance(model, TokenModel):
            again = model(torch.from_numpy(ids)[None])
            torch.testing.assert_close(again[..., : len(FIRST)], logits, rtol=1e-4, atol=1e-5)
        else:
            assert len(model.candidates(model.header_parts)) == 6
        model.check_vocabulary(LATER)
        model.save_pretrained(tmp_path / str(number))
        assert torch.equal(loss(type(model).from_pretrained(tmp_path / str(number))), loss(model))


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    model = models()[0]
    model.save_pretrained(tmp_path)
    with pytest.raises(ArtifactError, match="holds a TokenModel, not a EventModel"):
        EventModel.from_pretrained(tmp_path)
    config, weights = tmp_path / "config.json", tmp_path / "model.safetensors"
    text, raw = config.read_text(), weights.read_bytes()
    config.write_text(text.replace('"version": 1', '"version": 2', 1))
    with pytest.raises(NewerVersionError):
        TokenModel.from_pretrained(tmp_path)
    config.write_text(text)
    for wrong in (raw[:-1], bytes([raw[0] ^ 1]) + raw[1:]):
        weights.write_bytes(wrong)
        with pytest.raises(ArtifactError, match="altered or cut short"):
            TokenModel.from_pretrained(tmp_path)
    weights.unlink()
    with pytest.raises(ArtifactError):
        TokenModel.from_pretrained(tmp_path)
    with pytest.raises(ArtifactError, match="does not exist, and is not the name of a model on the hub"):
        TokenModel.from_pretrained(tmp_path / "none" / "of" / "them")


def test_a_model_of_another_layout_is_refused(tmp_path: Path) -> None:
    model = models()[0]
    model.save_pretrained(tmp_path)
    stored = dict(model.state_dict())
    name = next(name for name, entry in stored.items() if name not in TABLES and entry.ndim == 2)
    for wrong in ({**stored, name: stored[name][:, 1:]}, {other: stored[other] for other in stored if other != name}):
        weights = safetensors.torch.save({key: value.contiguous() for key, value in wrong.items()})
        (tmp_path / "model.safetensors").write_bytes(weights)
        data = read_json(tmp_path / "config.json", FORMAT, VERSION)
        write_json(tmp_path / "config.json", FORMAT, VERSION, {**data, "weights": hashlib.sha256(weights).hexdigest()})
        with pytest.raises(ArtifactError, match="builds differently; train it again"):
            TokenModel.from_pretrained(tmp_path)


def test_pushing_uploads_what_was_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: dict[str, Any] = {}

    def upload(_: Any, **options: Any) -> str:
        folder = Path(options["folder_path"])
        sent.update({path.name: path.read_bytes() for path in folder.iterdir()})
        return "done"

    monkeypatch.setattr("huggingface_hub.HfApi.create_repo", lambda *_, **options: type("R", (), options))
    monkeypatch.setattr("huggingface_hub.HfApi.upload_folder", upload)
    models()[0].push_to_hub("somebody/model")
    assert {"config.json", "model.safetensors"} <= set(sent)


def test_events_within_composites_are_counted() -> None:
    begins = [number for number in range(len(FIRST)) if RULES.start[number] and RULES.place[number] == 4]
    rules = grammar_of(
        [*tokens(), *(Token("composite", None, str(n), f"[c{n}]", start=False) for n in range(2))], HEADER, EVENTS
    )
    pieces = np.array([begins[0], begins[1], RULES.session, begins[2]])
    size = len(FIRST)
    layout = rules.with_composites(np.array([size, size + 1]), pieces, np.array([0, 3, 4]))
    assert layout.events_in[-2:].tolist() == [2, 1]
    model = TokenModel(preset("54k", size + 2), layout, "none")
    ids = torch.tensor([[RULES.bos, begins[0], size, size + 1]])
    report = model.loss(TokenBatch(ids, torch.zeros_like(ids)))
    assert int(report.events) == 4
    assert (report.nats_by_part > 0).nonzero().flatten().tolist() == [0, RULES.event_parts + 1]
