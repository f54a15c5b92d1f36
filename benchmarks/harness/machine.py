"""What a figure has to say of the machine and the software it was measured with. No host, user or folder."""

import functools
import importlib.util
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np


@functools.cache
def processor() -> str:
    """The processor's name for people: /proc/cpuinfo on Linux, sysctl on macOS, else what Python knows."""
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    if sys.platform == "darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return platform.processor() or platform.machine()


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
    """Versions, the BLAS behind NumPy's matrix product, and threads."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    versions = {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": f"{blas['name']} {blas['version']}",
        "threads": int(os.environ["OMP_NUM_THREADS"]),
        "torch": None,
    }
    if importlib.util.find_spec("torch"):
        import torch

        versions["torch"] = torch.__version__
        versions["threads_torch"] = torch.get_num_threads()
    return versions
