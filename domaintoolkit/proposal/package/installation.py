"""Install a written distribution into the running environment, and run commands on its domain."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from domaintoolkit.errors import OutputError

__all__ = ["install", "run_domaintoolkit"]


def install(folder: Path) -> None:
    """Install the distribution in `folder`, editable and without its dependencies, which are there already."""
    wanted = ["install", "--quiet", "--no-deps", "--editable", str(folder.resolve())]
    uv = shutil.which("uv")
    if find_spec("pip") is not None:
        command = [sys.executable, "-m", "pip", *wanted, "--disable-pip-version-check"]
    elif uv is not None:
        command = [uv, "pip", *wanted, "--python", sys.executable]
    else:
        raise OutputError(str(folder), f"there is no pip in this environment; install {folder} yourself")
    # the command is ours, and the folder one that we wrote
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-8:]
        raise OutputError(str(folder), "cannot be installed:\n" + "\n".join(f"  {line}" for line in said))


def run_domaintoolkit(arguments: Sequence[str]) -> int:
    """Run a command of domaintoolkit in a process of its own, which sees what was installed; its exit status."""
    command = [sys.executable, "-m", "domaintoolkit", *arguments]
    return subprocess.run(command, check=False).returncode  # noqa: S603 - no shell reads the arguments
