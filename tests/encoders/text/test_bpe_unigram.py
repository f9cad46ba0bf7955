"""The two models of text: what they learn does not depend on threads, the hash seed or the order of rows."""

from __future__ import annotations

import os
import random
import subprocess
import sys

import pytest

from domaintoolkit.encoders.text.bpe import ALPHABET, BytePairs
from domaintoolkit.encoders.text.unigram import Unigram

PROGRAM = """
import json, random, sys
from domaintoolkit.encoders.text.bpe import BytePairs
from domaintoolkit.encoders.text.unigram import Unigram
random.seed(3)
texts = sorted({"".join(random.choices("abc dé", k=20)) for _ in range(500)})
print(json.dumps([BytePairs.train(texts, 300).to_json(), Unigram.train(texts, 300).to_json()]))
"""


@pytest.mark.slow
def test_threads_and_the_hash_seed_do_not_matter() -> None:
    outputs = set()
    for seed, threads in (("1", "1"), ("2", "4")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "RAYON_NUM_THREADS": threads}
        run = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, check=True)
        outputs.add(run.stdout)
        assert run.stderr == b""
    assert len(outputs) == 1


def test_bpe_does_not_see_the_order() -> None:
    texts = ["".join(random.Random(seed).choices("ab c", k=12)) for seed in range(300)]
    assert BytePairs.train(texts, 100).to_json() == BytePairs.train(texts[::-1], 100).to_json()


@pytest.mark.parametrize("model", [BytePairs, Unigram])
def test_pieces_are_text_of_several_bytes(model: type[BytePairs | Unigram]) -> None:
    learned = model.train(["hello hello there é"] * 20, 30)
    assert 0 < len(learned.pieces) <= 30
    assert len(set(learned.pieces)) == len(learned.pieces)
    assert min(map(len, learned.pieces)) > 1


def test_names_of_the_unigram_format_are_ordinary_text() -> None:
    texts = ["<0x41> <unk> <s> unk\u2581"] * 50
    model = Unigram.train(texts, 200)
    numbers, lengths = model.encode([*texts[:1], "<0x41>"])
    raw = b"".join(bytes([-1 - number]) if number < 0 else model.pieces[number] for number in numbers.tolist())
    assert raw.decode() == texts[0] + "<0x41>"
    assert len(lengths) == 2


def test_the_alphabet_is_that_of_tokenizers() -> None:
    from tokenizers.pre_tokenizers import ByteLevel

    assert sorted(ALPHABET) == sorted(ByteLevel.alphabet())
    for text in ("é", "\0", " x", "😀"):
        ((shown, _),) = ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(text)
        assert shown == "".join(ALPHABET[byte] for byte in text.encode())
