"""Where torch computes: the CPU, or an accelerator that this machine has."""

import torch

from common.errors import UserError


def pick_device(name: str, dtype: str) -> torch.device:
    """``cpu``, ``cuda`` or ``mps``; ``auto`` is the first one available, in the order
    cuda, mps, cpu.

    Raises ``UserError`` where this machine has no such device or the device has no such
    ``dtype``.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available() and dtype != "float64",
        "cpu": True,
    }
    if name == "auto":
        return torch.device(
            next(device for device, found in available.items() if found)
        )
    if name == "mps" and dtype == "float64":
        raise UserError("mps has no float64; use dtype float32 or the cpu")
    if not available[name]:
        raise UserError(f"torch finds no {name} device here; use the cpu")
    return torch.device(name)
