"""The memory that training takes, and the estimate of `plan`: on the CPU, or on a GPU, there with a cap if wanted.

    python benchmarks/model_memory.py [--device cpu] [--presets 3m 24m] [--batch 8] [--block 512] [--precision fp32]
    python benchmarks/model_memory.py --device cuda --cap 24 --presets 24m 85m --batch 32 --precision bf16

Each size trains three steps of AdamW in a process of its own. On a CPU its memory is the growth of the resident set to
its peak; on a GPU it is the peak of torch's allocator, and the steps are also timed: tokens a second, and the model's
own FLOPs as a share of the dense peak. `--cap` limits the allocator to so many GiB, to show on a larger GPU what fits
into a smaller one.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch

from domaintoolkit.grammar import Syntax
from domaintoolkit.model import TokenBatch, TokenModel, plan, preset
from domaintoolkit.model.layers.attention import history_bounds
from domaintoolkit.model.planning import GIB, training_flops
from domaintoolkit.train.progress import peak_flops

VOCABULARY, STEPS = 4_000, 3


def layout(size: int = VOCABULARY) -> Syntax:
    ones, counts = np.ones(size, np.bool_), np.ones(size, np.int32)
    return Syntax(0, 1, ("part",), np.zeros(size, np.int16), ones, counts.astype(np.int16), ones, counts)


def resident(field: str) -> int:
    """Bytes of `VmRSS` (now) or `VmHWM` (at the most) of this process."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def measure(name: str, options: argparse.Namespace) -> None:
    device = torch.device(options.device)
    gpu = device.type == "cuda"
    if gpu and options.cap:
        torch.cuda.set_per_process_memory_fraction(options.cap * GIB / torch.cuda.get_device_properties(0).total_memory)
    warm = torch.randn(256, 256, device=device)
    (warm @ warm).sum().item()
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    config = preset(name, VOCABULARY, block=options.block)
    model = TokenModel(config, layout(), "none").to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, fused=True)
    ids = torch.randint(VOCABULARY, (options.batch, options.block))
    documents = torch.arange(options.block).expand_as(ids) // options.history
    batch = TokenBatch(ids, documents, history_bounds(documents)).to(device)
    seconds = 0.0
    for step in range(STEPS * (10 if gpu else 1)):
        if gpu and step == STEPS:
            torch.cuda.synchronize()
            seconds = -time.perf_counter()
        with torch.autocast(device.type, torch.bfloat16, enabled=options.precision == "bf16"):
            loss = model.loss(batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    if gpu:
        torch.cuda.synchronize()
        seconds += time.perf_counter()
    found = torch.cuda.max_memory_allocated() if gpu else resident("VmHWM") - before
    machine = "l4" if gpu else "cpu"
    wanted = plan(config, options.batch, options.block, options.precision, machine).memory
    print(f"| {name} | {found / GIB:.3f} | {wanted / GIB:.3f} | {wanted / found:.2f} |", end="")
    if gpu:
        rate = STEPS * 9 * ids.numel() / seconds
        peak = peak_flops(device)
        share = f"{training_flops(config, options.block) * rate / peak:.0%}" if peak else "not known"
        print(f" {rate:,.0f} tokens/s | {share} |", end="")
    print(flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--presets", nargs="+", default=["3m", "24m"])
    parser.add_argument("--precision", default="fp32", choices=["fp32", "bf16"])
    parser.add_argument("--cap", type=float, help="GiB of a GPU's memory that may be used")
    for name, default in (("batch", 8), ("block", 512), ("history", 128)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    if os.environ.get("MEASURED"):
        measure(os.environ["MEASURED"], options)
        return
    print(f"{options.device}, {options.batch} x {options.block} tokens, {options.precision}, cap {options.cap} GiB")
    print(
        "| preset | measured, GiB | planned, GiB | planned over measured |"
        + " speed | MFU |" * (options.device == "cuda")
    )
    print("|---|---|---|---|" + "---|---|" * (options.device == "cuda"), flush=True)
    for name in options.presets:
        subprocess.run([sys.executable, *sys.argv], env=os.environ | {"MEASURED": name}, check=False)


if __name__ == "__main__":
    main()
