"""Fit, save, load where requests come in, and encode one history: `python examples/serve_one_history.py`."""

import pyarrow as pa
import pyarrow.compute as pc

import domaintoolkit as dt

shop = dt.get_domain("ecommerce")
table = pa.Table.from_batches(shop.sample(5_000, seed=0))  # simulated; put your own rows here
dt.DomainTokenizer(shop.schema).fit(table).save("tokenizer")

tokenizer = dt.DomainTokenizer.load("tokenizer")
user = table["user_id"][0].as_py()
history = table.filter(pc.equal(table["user_id"], user)).to_pylist()
ids = tokenizer.encode_entity(history)
print(len(history), "events of user", user, "are", len(ids), "ids:", ids[:12], "...")
print(*tokenizer.vocabulary.decode(ids[:24]))
