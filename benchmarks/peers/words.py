"""`tokenizers`: histories as strings of words, encoded by a WordLevel model after a whitespace pre-tokenizer.

FILE is an Arrow file with one column `words`: for each user all tokens that domaintoolkit gives the history, by
name, joined with spaces. Only `encode_batch_fast` is timed, not the making and joining of the words.
"""

from __future__ import annotations

import pyarrow as pa
from measure import arguments, measure
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

given = arguments(__doc__)
with pa.OSFile(given.file) as source:
    histories = pa.ipc.open_stream(source).read_all()["words"].to_pylist()
words = sorted({word for history in histories for word in history.split(" ")})
tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate([*words, "[UNK]"])}, unk_token="[UNK]"))
tokenizer.pre_tokenizer = WhitespaceSplit()

measure(lambda: tokenizer.encode_batch_fast(histories), given.runs)
