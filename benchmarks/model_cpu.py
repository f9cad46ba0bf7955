"""Training throughput on a CPU: the token model and transformers' GPT-2 of the same size, on the same blocks.

    python benchmarks/model_cpu.py [--threads 2] [--rounds 3] [--batch 4] [--block 512] [--history 0]

Each round times one step (forward, backward, AdamW) of every model in turn, so that a noisy machine slows all
alike; medians are printed. Dropout is off everywhere and `--history` n cuts every block into histories of n tokens for
our models (0: one a block; GPT-2 always attends over the whole block). On a CPU without bf16 arithmetic, bf16 is left
out.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from model_memory import VOCABULARY, layout
from transformers import GPT2Config, GPT2LMHeadModel

from domaintoolkit.model import TokenBatch, TokenModel, preset
from domaintoolkit.train import Recipe, is_precision_emulated


def ours(batch: TokenBatch, half: bool, **changes: object) -> tuple[int, Callable[[], float]]:
    torch.manual_seed(0)
    model = TokenModel(preset("24m", VOCABULARY, block=batch.ids.shape[1], **changes), layout(VOCABULARY), "none")
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, fused=True)

    def step() -> float:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            loss = model.loss(batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return float(loss.detach())

    return sum(entry.numel() for entry in model.parameters()), step


def gpt2(batch: TokenBatch) -> tuple[int, Callable[[], float]]:
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=VOCABULARY, n_positions=batch.ids.shape[1], n_embd=512, n_layer=6, n_head=8,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, use_cache=False,
    )  # fmt: skip
    model = GPT2LMHeadModel(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, fused=True)

    def step() -> float:
        loss = model(input_ids=batch.ids, labels=batch.ids).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return float(loss.detach())

    return sum(entry.numel() for entry in model.parameters()), step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("threads", 2), ("rounds", 3), ("batch", 4), ("block", 512), ("history", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(VOCABULARY, (options.batch, options.block), generator=generator)
    documents = torch.arange(options.block).expand_as(ids) // (options.history or options.block)
    batch = TokenBatch(ids, documents)
    old = {"activation": "gelu", "norm": "layernorm", "bias": True}
    models = {
        "transformers GPT-2, fp32": gpt2(batch),
        "ours, GELU and LayerNorm, fp32": ours(batch, False, **old),
        "ours, GELU and LayerNorm, bf16": ours(batch, True, **old),
        "ours, SwiGLU and RMSNorm, fp32": ours(batch, False),
        "ours, SwiGLU and RMSNorm, bf16": ours(batch, True),
        "ours, parallel, bf16": ours(batch, True, parallel=True),
    }
    if is_precision_emulated(Recipe(precision="bf16")):
        print("this CPU computes bf16 in software: left out")
        models = {name: each for name, each in models.items() if not name.endswith("bf16")}
    times: dict[str, list[float]] = {name: [] for name in models}
    for turn in range(options.rounds + 1):
        for name, (_, step) in models.items():
            start = time.perf_counter()
            step()
            if turn:
                times[name].append(time.perf_counter() - start)
    base = statistics.median(times["transformers GPT-2, fp32"])
    print(f"{options.threads} threads, blocks of {options.batch} x {options.block}, medians of {options.rounds}")
    for name, (count, _) in models.items():
        middle = statistics.median(times[name])
        print(f"{name:32} {count / 1e6:6.2f}M {ids.numel() / middle:8,.0f} tokens/s {base / middle:5.2f}x")


if __name__ == "__main__":
    main()
