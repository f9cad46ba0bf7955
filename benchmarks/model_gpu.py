"""Training throughput on a GPU in bf16: the token model, eager and compiled, and transformers' GPT-2.

    python benchmarks/model_gpu.py [--presets 24m 85m] [--tokens 65536] [--block 512] [--history 128] [--ragged]
        [--vocabulary 4000] [--cap 24] [--only "ours, compiled"]

Steps (forward, backward, clipping, AdamW) of random blocks that hold histories of `--history` tokens, or with
`--ragged` of that many on average (each token ends one with the same probability); GPT-2 attends over whole blocks.
Medians of steps timed by events on the device. MFU is the model's own FLOPs (6 a parameter and token, and the causal
half of attention over the block) over the maker's dense peak. `--cap` limits the allocator to so many GiB, to show on a
larger GPU what fits into a smaller one.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
from collections.abc import Callable
from typing import Any

import torch
from model_memory import VOCABULARY, layout
from transformers import GPT2Config, GPT2LMHeadModel

from domaintoolkit.model import PRESETS, TokenBatch, TokenModel, preset
from domaintoolkit.model.layers.attention import history_bounds
from domaintoolkit.model.planning import GIB, training_flops
from domaintoolkit.train import Recipe
from domaintoolkit.train.optimizer import build_optimizer
from domaintoolkit.train.progress import peak_flops

OLD = {"activation": "gelu", "norm": "layernorm", "bias": True}


class GPT2WithLoss(torch.nn.Module):
    """GPT-2 whose forward pass is its loss on a batch."""

    def __init__(self, name: str, block: int, vocabulary: int) -> None:
        super().__init__()
        shape = PRESETS[name]
        config = GPT2Config(
            vocab_size=vocabulary, n_positions=block, n_embd=shape["width"], n_layer=shape["layers"],
            n_head=shape["heads"], resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, use_cache=False,
        )  # fmt: skip
        self.model = GPT2LMHeadModel(config)

    def forward(self, batch: TokenBatch) -> torch.Tensor:
        loss: torch.Tensor = self.model(input_ids=batch.ids, labels=batch.ids).loss
        return loss


class TokenModelWithLoss(torch.nn.Module):
    """The token model, whose forward pass is its loss on a batch."""

    def __init__(self, name: str, block: int, vocabulary: int, **changes: Any) -> None:
        super().__init__()
        self.model = TokenModel(preset(name, vocabulary, block=block, **changes), layout(vocabulary), "none")

    def forward(self, batch: TokenBatch) -> torch.Tensor:
        return self.model.loss(batch).loss


def make_step(module: torch.nn.Module, batch: TokenBatch) -> Callable[[], None]:
    optimizer = build_optimizer(module, Recipe())

    def step() -> None:
        with torch.autocast("cuda", torch.bfloat16):
            loss = module(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def time_steps(step: Callable[[], None], steps: int) -> float:
    for _ in range(4):
        step()
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(steps + 1)]
    marks[0].record()
    for mark in marks[1:]:
        step()
        mark.record()
    torch.cuda.synchronize()
    return statistics.median(one.elapsed_time(two) for one, two in itertools.pairwise(marks))


def draw_batch(tokens: int, block: int, history: int, vocabulary: int, ragged: bool) -> TokenBatch:
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(vocabulary, (tokens // block, block), generator=generator)
    documents = torch.arange(block).expand_as(ids) // history
    if ragged:
        documents = (torch.rand(ids.shape, generator=generator) < 1 / history).long().cumsum(1)
    return TokenBatch(ids, documents, history_bounds(documents)).to("cuda")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", nargs="+", default=["24m", "85m"])
    parser.add_argument("--cap", type=float, help="GiB of the GPU's memory that may be used")
    parser.add_argument("--only", nargs="+", help="labels of the rows to measure")
    parser.add_argument("--ragged", action="store_true", help="histories of different lengths")
    sizes = (("tokens", 65_536), ("block", 512), ("history", 128), ("vocabulary", VOCABULARY), ("steps", 20))
    for name, default in sizes:
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    device = torch.device("cuda")
    if options.cap:
        torch.cuda.set_per_process_memory_fraction(options.cap * GIB / torch.cuda.get_device_properties(0).total_memory)
    peak = peak_flops(device)
    print(f"{torch.cuda.get_device_name(0)}, torch {torch.__version__}, cap {options.cap} GiB", flush=True)
    lengths = f"{options.history} on average" if options.ragged else options.history
    print(f"steps of {options.tokens:,} tokens of {options.vocabulary:,} in blocks of {options.block}", end=", ")
    print(f"histories of {lengths}", flush=True)
    print("| preset | model | ms a step | tokens/s | over GPT-2 | MFU | peak, GiB |\n|---|---|---|---|---|---|---|")
    batch = draw_batch(options.tokens, options.block, options.history, options.vocabulary, options.ragged)
    for name in options.presets:
        base = 0.0
        flops = training_flops(preset(name, options.vocabulary), options.block) * options.tokens
        shape = (name, options.block, options.vocabulary)
        for label, make, compiled in (
            ("transformers GPT-2", lambda shape=shape: GPT2WithLoss(*shape), False),
            ("transformers GPT-2, compiled", lambda shape=shape: GPT2WithLoss(*shape), True),
            ("ours, GELU and LayerNorm, compiled", lambda shape=shape: TokenModelWithLoss(*shape, **OLD), True),
            ("ours", lambda shape=shape: TokenModelWithLoss(*shape), False),
            ("ours, compiled", lambda shape=shape: TokenModelWithLoss(*shape), True),
        ):
            if options.only and label not in options.only:
                continue
            torch.compiler.reset()
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            module = make().to(device).train()
            if compiled:
                module.compile()
            found = time_steps(make_step(module, batch), options.steps)
            base = base or found
            share = f"{flops / found * 1e3 / peak:.1%}" if peak else "not known"
            held = torch.cuda.max_memory_allocated() / GIB
            cells = (name, label, f"{found:.2f}", f"{options.tokens / found * 1e3:,.0f}", f"{base / found:.2f}", share)
            print(f"| {' | '.join(cells)} | {held:.2f} |", flush=True)


if __name__ == "__main__":
    main()
