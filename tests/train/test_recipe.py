from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.errors import SchemaError, SourceError
from domaintoolkit.schema import from_toml_text
from domaintoolkit.train.model_building import build_config
from domaintoolkit.train.recipe import Recipe, default_recipe, load_recipe, recipe_to_toml, replace_settings

recipes = st.builds(
    Recipe,
    block=st.integers(8, 4096),
    epochs=st.floats(0.1, 10),
    learning_rate=st.floats(1e-6, 1),
    scaling=st.sampled_from(["none", "linear", "sqrt"]),
    precision=st.sampled_from(["fp32", "bf16"]),
    trackers=st.lists(st.sampled_from(["tensorboard", "wandb"])).map(tuple),
    model=st.dictionaries(st.sampled_from(["position", "norm"]), st.sampled_from(["rope", "layernorm"])),
)


@given(recipe=recipes)
def test_a_resolved_recipe_reads_back_equal(recipe: Recipe) -> None:
    assert from_toml_text(Recipe, recipe_to_toml(recipe)) == recipe


def test_all_problems_are_reported_together() -> None:
    with pytest.raises(SchemaError) as caught:
        Recipe(steps=10, epochs=1.0, warmup=20, family="event", segmentation="spr", model={"block": 7})
    assert {problem.path for problem in caught.value.problems} == {"epochs", "warmup", "segmentation", "model.block"}


def test_what_no_run_could_use_is_refused() -> None:
    for name in ("learning_rate", "weight_decay", "clip", "epsilon", "embedding_penalty"):
        with pytest.raises(SchemaError, match=name):
            Recipe(**{name: math.inf})
    with pytest.raises(SchemaError, match=r"model\.composites"):
        Recipe(model={"composites": True})


def test_a_warm_up_is_as_it_was_given_or_fits_the_steps() -> None:
    assert Recipe(warmup=200).resolve(690).warmup == 200
    assert [Recipe().resolve(steps).warmup for steps in (6, 120, 690)] == [0, 12, 50]
    assert Recipe(schedule="restarts", restart_every=100).resolve(690).warmup == 10
    with pytest.raises(SchemaError, match="must be shorter than the 690 steps, got 700"):
        Recipe(warmup=700).resolve(690)
    with pytest.raises(SchemaError, match="must be shorter than restart_every, got 700"):
        Recipe(warmup=700, schedule="restarts", restart_every=100)
    with pytest.raises(SchemaError) as caught:
        Recipe(batch=0, clip=-1.0, precision="fp8")  # type: ignore[arg-type]
    assert {problem.path for problem in caught.value.problems} == {"batch", "clip", "precision"}


def test_a_recipe_is_a_file_or_the_table_train_of_one(tmp_path: Path) -> None:
    (tmp_path / "alone.toml").write_text('domain = "shop"\nbatch = 4\n')
    (tmp_path / "table.toml").write_text('domain = "shop"\n[train]\nbatch = 4\n')
    assert load_recipe(tmp_path / "alone.toml") == load_recipe(tmp_path / "table.toml") == Recipe(batch=4)
    (tmp_path / "wrong.toml").write_text("[train]\nbatches = 4\n")
    with pytest.raises(SchemaError, match="batches"):
        load_recipe(tmp_path / "wrong.toml")
    (tmp_path / "no.toml").write_text("=")
    with pytest.raises(SchemaError, match="not TOML"):
        load_recipe(tmp_path / "no.toml")
    with pytest.raises(SourceError):
        load_recipe(tmp_path / "missing.toml")
    (tmp_path / "marked.toml").write_bytes(b'\xef\xbb\xbf"$schema" = "x"\nbatch = 4\n')
    assert load_recipe(tmp_path / "marked.toml") == Recipe(batch=4)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("steps = true", "steps: expected a whole number, got True"),
        ('learning_rate = "3e-3"', "learning_rate: expected a number, got '3e-3'"),
        ("compile = 1", "compile: "),
        ('model = {position = ["rope"]}', "model.position: expected text, a number, true or false, got ['rope']"),
        ("train = 3", "train: expected a table, got 3"),
    ],
)
def test_a_setting_of_a_wrong_type_is_one_problem(tmp_path: Path, text: str, wanted: str) -> None:
    (tmp_path / "recipe.toml").write_text(text)
    with pytest.raises(SchemaError) as caught:
        load_recipe(tmp_path / "recipe.toml")
    assert len(caught.value.problems) == 1
    assert str(caught.value.problems[0]).startswith(wanted)
    assert "recipe.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("alone", "other"),
    [
        ({"restart_every": 50}, {"schedule": "restarts"}),
        ({"floor": 0.5, "schedule": "constant"}, {"schedule": "cosine"}),
        ({"scaling_positions": 100}, {"scaling": "sqrt"}),
        ({"embedding_norm": 2.0, "embedding_penalty": 0.1}, {"embedding_penalty_form": "hinge"}),
    ],
)
def test_a_setting_without_effect_is_refused(alone: dict[str, Any], other: dict[str, Any]) -> None:
    with pytest.raises(SchemaError, match=f"{next(iter(alone))}: has no effect when"):
        Recipe(**alone)
    made = Recipe(**(alone | other))
    name = next(iter(other))
    back = {"schedule": "constant"} if "floor" in alone else {name: getattr(Recipe(), name)}
    # a setting that only the other one uses is reset with it
    assert getattr(replace_settings(made, **back), next(iter(alone))) == getattr(Recipe(), next(iter(alone)))


def test_problems_of_the_model_are_those_of_the_recipe() -> None:
    with pytest.raises(SchemaError, match=r"recipe has 1 problem\n  model\.heads: must divide"):
        build_config(Recipe(model={"heads": 7}), 100)


def test_flags_change_a_recipe() -> None:
    recipe = Recipe(epochs=2.0)
    assert replace_settings(recipe, steps=100, batch=None) == Recipe(steps=100)
    assert replace_settings(recipe, seed=3) == Recipe(epochs=2.0, seed=3)
    with pytest.raises(SchemaError):
        replace_settings(recipe, batch=-1)
    assert default_recipe().model
    assert replace_settings(default_recipe(), family="token").model == {}
    assert replace_settings(default_recipe(), family="token", model={"bias": True}).model == {"bias": True}


@pytest.mark.parametrize("gpu", [False, True])
def test_more_events_get_more_steps_and_positions(gpu: bool) -> None:
    made = [default_recipe("event", events, gpu) for events in (0, 20_000, 200_000, 3_000_000, 100_000_000)]
    assert [recipe.steps for recipe in made[:2]] == [500, 500]
    sizes = [(recipe.steps or 0) * recipe.positions for recipe in made]
    assert sizes == sorted(sizes)
    assert made[-1].preset != made[0].preset
