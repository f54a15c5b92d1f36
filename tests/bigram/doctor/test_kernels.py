"""Proves ``bigram.check_cross_entropy`` and ``bigram.check_embedding``: right kernels of NumPy,
torch and JAX are within their bounds in every precision, and small mistakes are beyond them."""

from typing import Any

import numpy as np
import pytest

import bigram
from bigram.doctor.kernels import rounded
from tests.kit import one_in


def by_hand(logits: Any, targets: Any, reduction: str = "mean", ignore_index: int = -100) -> Any:
    x = logits.astype(np.float32) if logits.dtype == np.float16 else logits
    keep = targets != ignore_index
    rows, y = np.arange(len(x)), np.where(keep, targets, 0)
    z = x - x.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    d = np.exp(logp)
    d[rows, y] -= 1
    d[~keep] = 0
    N = keep.sum() if reduction == "mean" else 1
    return -logp[rows, y][keep].sum() / N, (d / x.dtype.type(N)).astype(logits.dtype)


@pytest.mark.parametrize("ignore_index", [None, -100])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("dtype", one_in(3, ["float32", "float64", "float16"]))
def test_a_right_kernel_is_within_its_bounds(
    dtype: str, reduction: str, ignore_index: int | None
) -> None:
    def kernel(logits: Any, targets: Any) -> Any:
        return by_hand(logits, targets, reduction)

    result = bigram.check_cross_entropy(
        kernel, dtype=dtype, reduction=reduction, ignore_index=ignore_index
    )
    assert result, str(result)
    # A bound that is never reached by half would let too much pass; float16 is rounded once here.
    assert 0.2 < result.to_dict()["worst"]["fraction_of_bound"] <= 1


def test_a_character_of_the_vocabulary_can_be_ignored() -> None:
    # Where V is 1 no token is left, and a mean over nothing is no case.
    result = bigram.check_cross_entropy(lambda x, y: by_hand(x, y, ignore_index=0), ignore_index=0)
    assert result, str(result)
    assert result.to_dict()["looked_at"].startswith("10 of 10 cases")


def test_a_kernel_is_given_its_vocabulary_where_it_asks_for_it() -> None:
    def kernel(logits: Any, targets: Any, vocab_size: int) -> Any:
        assert vocab_size == logits.shape[1]
        return by_hand(logits, targets)

    result = bigram.check_cross_entropy(kernel)
    assert result, str(result)
    assert result.called == "kernel(logits, targets, vocab_size=V)"


@pytest.mark.parametrize("dtype", one_in(2, ["float64", "float32", "bfloat16", "float16"]))
@pytest.mark.parametrize(("reduction", "ignore_index"), [("mean", None), ("sum", -100)])
def test_torch_is_right(dtype: str, reduction: str, ignore_index: int | None) -> None:
    torch = pytest.importorskip("torch")

    def kernel(logits: Any, targets: Any) -> Any:
        logits = logits.clone().requires_grad_()
        wide = logits.float() if logits.dtype.itemsize == 2 else logits
        loss = torch.nn.functional.cross_entropy(wide, targets, reduction=reduction)
        loss.backward()
        return loss, logits.grad

    options: dict[str, Any] = {"dtype": dtype, "reduction": reduction, "ignore_index": ignore_index}
    result = bigram.check_cross_entropy(kernel, like="torch", **options)
    assert result, str(result)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_optax_is_right(dtype: str) -> None:
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")

    def loss(logits: Any, targets: Any) -> Any:
        wide = logits.astype("float32") if logits.dtype.itemsize == 2 else logits
        return optax.softmax_cross_entropy_with_integer_labels(wide, targets).mean()

    result = bigram.check_cross_entropy(jax.value_and_grad(loss), dtype=dtype, like="jax")
    assert result, str(result)


def wrong(change: Any) -> Any:
    def kernel(logits: Any, targets: Any) -> Any:
        loss, d = by_hand(logits, targets)
        return change(logits, targets, loss, d)

    return kernel


@pytest.mark.parametrize(
    ("kernel", "seen"),
    [
        (wrong(lambda x, y, loss, d: (loss, d * len(x))), "sum instead of mean"),
        (wrong(lambda x, y, loss, d: (loss, d * 0.5)), "is 0.5 times the right one"),
        (wrong(lambda x, y, loss, d: (loss, d * (1 + 1e-12))), "is 1 times the right one"),
        (wrong(lambda x, y, loss, d: (loss + 1e-12, d)), "loss on the case"),
        (wrong(lambda x, y, loss, d: (loss, d[:, ::-1])), "entries"),
        (
            lambda logits, targets: (
                by_hand(logits, targets)[0],
                np.exp(logits) / np.exp(logits).sum(1, keepdims=True) / len(logits),
            ),
            "values that are not finite: is the largest logit subtracted first?",
        ),
    ],
)
def test_a_wrong_kernel_is_called_wrong_and_described(kernel: Any, seen: str) -> None:
    with np.errstate(all="ignore"):
        result = bigram.check_cross_entropy(kernel)
    assert not result
    assert seen in " ".join(str(result).split())  # of lines that are wrapped


def test_float16_that_computes_in_float16_is_beyond_the_bound() -> None:
    def kernel(logits: Any, targets: Any) -> Any:
        rows = np.arange(len(logits))
        z = logits - logits.max(axis=1, keepdims=True)
        e = np.exp(z)
        d = e / e.sum(axis=1, keepdims=True)
        loss = by_hand(logits, targets)[0]
        d[rows, targets] -= np.float16(1)
        return loss, d / np.float16(len(logits))

    assert not bigram.check_cross_entropy(kernel, dtype="float16")


def scatter(dlogits: Any, idx: Any, V: int) -> Any:
    wide = dlogits.astype(np.float32) if dlogits.dtype == np.float16 else dlogits
    dW = np.zeros((V, dlogits.shape[1]), wide.dtype)
    np.add.at(dW, idx, wide)
    return dW.astype(dlogits.dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_embeddings_are_judged(dtype: str) -> None:
    assert bigram.check_embedding(scatter, dtype=dtype)

    def lost(d: Any, ids: Any, num_embeddings: int) -> Any:
        dW = np.zeros((num_embeddings, d.shape[1]), d.dtype)
        dW[ids] += d
        return dW

    result = bigram.check_embedding(lost, dtype=dtype)
    assert not result
    assert "dW on the case 'one id' is wrong in " in " ".join(str(result).split())


def test_torchs_embedding_is_right_in_bfloat16() -> None:
    torch = pytest.importorskip("torch")

    def kernel(grad_output: Any, idx: Any, num_weights: int) -> Any:
        wide = torch.ops.aten.embedding_dense_backward(
            grad_output.float(), idx, num_weights, -1, False
        )
        return wide.to(grad_output.dtype)

    assert bigram.check_embedding(kernel, dtype="bfloat16", like="torch")


def test_what_cannot_be_asked_is_said() -> None:
    with pytest.raises(bigram.UserError, match="reduction is 'none'; it must be 'mean' or 'sum'"):
        bigram.check_cross_entropy(by_hand, reduction="none")
    with pytest.raises(
        bigram.UserError, match="dtype is 'int8'; it must be float64 or float32 or float16"
    ):
        bigram.check_embedding(scatter, dtype="int8")
    with pytest.raises(
        bigram.UserError, match="NumPy has no bfloat16; give like='torch' or like='jax'"
    ):
        bigram.check_embedding(scatter, dtype="bfloat16", like="numpy")


def test_rounding_to_bfloat16_is_torchs() -> None:
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    assert np.array_equal(rounded(x, "bfloat16"), torch.from_numpy(x).bfloat16().float().numpy())
