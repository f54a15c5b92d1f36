"""Records as strict JSON: ``--json`` of every command, ``Result.to_dict`` and the page of
``bigram explain``."""

import dataclasses
import json
import math
from typing import Any


def to_json(record: object) -> str:
    """One line of strict JSON. Infinities and NaN, which JSON does not have, are null."""
    return json.dumps(plain(record), allow_nan=False)


def plain(value: Any) -> Any:
    """``value`` in types that JSON has: dataclasses and named tuples become objects."""
    if hasattr(value, "record"):
        return plain(value.record())
    if dataclasses.is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    elif hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
