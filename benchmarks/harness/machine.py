"""The machine and the software that a figure was measured with. No host, user or folder."""

import functools
import importlib.metadata
import importlib.util
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np


@functools.cache
def processor() -> str:
    """The processor's name: from /proc/cpuinfo on Linux, sysctl on macOS, else from Python."""
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    if sys.platform == "darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return platform.processor() or platform.machine()


def slug(name: str) -> str:
    """A name as the name of a file.

    >>> slug("Intel(R) Xeon(R) CPU @ 2.20GHz")
    'intel-xeon-cpu-2.20ghz'
    """
    return "-".join(re.findall(r"[\w.]+", re.sub(r"\((R|TM)\)", " ", name).lower()))


@functools.cache
def hardware() -> dict[str, Any]:
    """Processor, cores, system, and an accelerator if torch finds one."""
    found = {
        "processor": processor(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "simd": ", ".join(np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])),
    }
    if importlib.util.find_spec("torch"):
        import torch

        if torch.cuda.is_available():
            found["accelerator"] = torch.cuda.get_device_name()
        elif torch.backends.mps.is_available():
            found["accelerator"] = "Apple MPS"
    return found


@functools.cache
def software() -> dict[str, Any]:
    """Installed versions, the BLAS behind NumPy's matrix product, and threads."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    versions = {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": f"{blas['name']} {blas['version']}",
        "threads": int(os.environ["OMP_NUM_THREADS"]),
    }
    for package in ("torch", "jax", "numba", "autograd"):
        if importlib.util.find_spec(package):
            versions[package] = importlib.metadata.version(package)
    return versions
