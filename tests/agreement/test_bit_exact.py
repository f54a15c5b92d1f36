"""Proves that training by hand is training with torch to the last bit, once both round in the same
order: loss, gradient, weights and moments, at every step; and that the comparison sees a single
wrong bit."""

import json
import os
import platform
import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import ArrayLike

from tests.kit import ROOT

torch = pytest.importorskip("torch")

from tests.kit import oracle  # noqa: E402

DTYPES = ["float32", "float64"]


@pytest.fixture(scope="module", params=["short", pytest.param("long", marks=pytest.mark.slow)])
def report(request: pytest.FixtureRequest) -> dict:
    """The output of ``tests/kit/oracle.py`` in a separate process, for both libraries choose their
    instructions when they are imported."""
    disabled = [os.environ.get("NPY_DISABLE_CPU_FEATURES", ""), *oracle.simd_features()]
    environment = os.environ | {
        "ATEN_CPU_CAPABILITY": "default",
        "NPY_DISABLE_CPU_FEATURES": " ".join(disabled),
    }
    result = subprocess.run(
        [sys.executable, "-m", "tests.kit.oracle", f"--{request.param}"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        encoding="utf-8",
    )
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    if "unmet" in report:
        pytest.skip("bit-exactness needs " + " and ".join(report["unmet"]))
    return report


@pytest.mark.parametrize("dtype", DTYPES)
def test_steps_on_text_are_torchs_in_every_bit(report: dict, dtype: str) -> None:
    assert not any(report[dtype]["text"].values()), report[dtype]["text"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_runs_of_random_sizes_and_settings_are_torchs_in_every_bit(
    report: dict, dtype: str
) -> None:
    assert len(report[dtype]["sweep"]) >= 8
    assert {
        case: apart for case, apart in report[dtype]["sweep"].items() if any(apart.values())
    } == {}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("other", [cls.__name__ for cls in oracle.OTHERS])
def test_a_trainer_that_computes_otherwise_is_told_from_torch(
    report: dict, other: str, dtype: str
) -> None:
    assert report[dtype]["others"][other]["weight"] > 0


@pytest.mark.parametrize("dtype", DTYPES)
def test_ulps_count_the_floats_between_two_numbers(dtype: str) -> None:
    kind = np.finfo(dtype)
    least, one = kind.smallest_subnormal, np.ones((), dtype)

    def distance(a: ArrayLike, b: ArrayLike) -> int:
        return oracle.ulps(np.array([1, a], dtype), np.array([1, b], dtype))

    assert distance(one, one) == 0
    assert distance(one, one + kind.eps) == distance(one + kind.eps, one) == 1
    assert distance(one, 2) == 2**kind.nmant
    assert distance(0.0, -0.0) == 1
    assert distance(-least, least) == 3  # by way of -0 and +0
    assert distance(-kind.max, kind.max) == 2 * distance(0, kind.max) + 1  # and nothing overflows


@pytest.mark.parametrize(
    ("module", "name", "value", "condition"),
    [
        (sys, "platform", "darwin", "Linux"),
        (platform, "machine", lambda: "aarch64", "x86-64"),
        (platform, "libc_ver", lambda: ("", ""), "glibc"),
        (
            torch.backends.cpu,
            "get_cpu_capability",
            lambda: "AVX2",
            "torch to honour ATEN_CPU_CAPABILITY",
        ),
        (oracle, "simd_features", lambda: ["X86_V3"], "NumPy to honour NPY_DISABLE_CPU_FEATURES"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_condition_of_bit_equality_that_is_not_met_is_named(
    monkeypatch: pytest.MonkeyPatch, module: object, name: str, value: object, condition: str
) -> None:
    monkeypatch.setattr(module, name, value)
    assert condition in oracle.unmet()
