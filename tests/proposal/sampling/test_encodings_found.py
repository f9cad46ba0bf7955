"""The encoding of text is found from its bytes."""

from __future__ import annotations

import pytest

from domaintoolkit.proposal.sampling.encodings_found import find_encoding, settle_encoding

TEXTS = {
    "utf-8": "Bäckerei,Köln,りんご",
    "cp1252": "Bäckerei,Köln,Größe,señor,façade,naïve",
    "cp1250": "Łódź,Kraków,źdźbło,žluťoučký kůň,příliš",
    "cp1251": "Москва,сумма,клиент,товар",
    "shift_jis": "りんご,みかん,会員,東京",
    "euc_kr": "사과,회원,서울,가격",
    "utf-16": "entrée,sortie",
    "utf-16-be": "entrée,sortie",
}


@pytest.mark.parametrize("encoding", TEXTS)
def test_an_encoding_is_found(encoding: str) -> None:
    text = "name,city,word\n" + f"{TEXTS[encoding]}\n" * 30
    assert find_encoding(text.encode(encoding)) == encoding


def test_letters_behind_the_beginning_settle_the_encoding() -> None:
    pieces = [b"name,price\n" + b"lamp,3\n" * 90, "voucher £20,7\n".encode("cp1252")]
    assert settle_encoding(pieces, "utf-8") == "cp1252"
    # a piece that ends within a character, and a text with one damaged row
    assert settle_encoding(["lamp ä,1\nvoucher £".encode()[:-1]], "utf-8") == "utf-8"
    assert settle_encoding(["bäcker,köln\n".encode(), b"b\xe4cker\n"], "utf-8") == "utf-8"
    assert settle_encoding([b"a\xa3b"], "cp1250") == "cp1250"
