"""The encoding of text is found from its bytes."""

from __future__ import annotations

import pytest

from domaintoolkit.proposal.sampling.encodings_found import find_encoding

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
