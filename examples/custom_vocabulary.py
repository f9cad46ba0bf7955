"""A vocabulary made by hand, extended without moving an id: `python examples/custom_vocabulary.py`."""

from pathlib import Path

import domaintoolkit as dt

moves = dt.Vocabulary.from_tokens(["[PAD]", "[BOS]", "[move=left]", "[move=right]"])
print(moves.encode(["[BOS]", "[move=left]", "[move=right]"]))

more = moves.extend(["[move=up]", "[move=down]"])
print(more.decode([1, 2, 4]), "id of [move=left]:", moves.id("[move=left]"), "and still", more.id("[move=left]"))
print("what was made with the first still fits the second:", more.accepts(moves))

folder = Path("moves")
more.save(folder)
assert dt.Vocabulary.load(folder) == more

try:
    more.id("[move=sideways]")
except dt.LookupFailedError as error:
    print(error)
