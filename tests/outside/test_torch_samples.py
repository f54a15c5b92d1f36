"""Proves that the hand-written side gives what torch's own test samples give: AdamW on those of
``optim_db``, and the gradient on the cross entropies of ``op_db`` that are ours, with an identity
for the table."""

import inspect

import numpy as np
import pytest

from bigram.bounds import gradient_bound, loss_bound, unit_roundoff
from common.pairs import count_pairs
from impl_numpy import cross_entropy
from impl_numpy.adamw import AdamW

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest", reason="torch's own test samples need expecttest")

DTYPES = ["float32", "float64"]
TAKEN = set(inspect.signature(AdamW).parameters) - {"W"}


@pytest.mark.filterwarnings("ignore")  # of torch's own testing code
@pytest.mark.parametrize("dtype", DTYPES)
def test_adamw_on_torchs_samples(dtype: str) -> None:
    from torch.testing._internal.common_optimizers import optim_db

    (info,) = [info for info in optim_db if info.optim_cls is torch.optim.AdamW]
    tried = 0
    for sample in info.optim_inputs_func(device="cpu"):
        settings = {name: value for name, value in sample.kwargs.items() if name in TAKEN}
        if set(sample.kwargs) - TAKEN or any(
            isinstance(value, torch.Tensor) for value in settings.values()
        ):
            continue  # amsgrad, maximize, capturable: not ours
        rng = np.random.default_rng(tried)
        W = rng.standard_normal((5, 7)).astype(dtype)
        weight = torch.nn.Parameter(torch.from_numpy(W.copy()))
        ours, theirs = AdamW(W, **settings), torch.optim.AdamW([weight], **settings)
        for _ in range(50):
            g = rng.standard_normal(W.shape).astype(dtype)
            ours.step(W, g)
            weight.grad = torch.from_numpy(g.copy())
            theirs.step()
        apart = abs(W.astype(np.float64) - weight.detach().numpy()).max()
        assert apart <= 100 * unit_roundoff(dtype) * abs(W).max(), sample
        tried += 1
    assert tried >= 3


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_gradient_on_torchs_samples_of_cross_entropy(dtype: str) -> None:
    from torch.testing._internal.common_methods_invocations import op_db

    (op,) = [op for op in op_db if op.name == "nn.functional.cross_entropy"]
    tried = 0
    for sample in op.sample_inputs("cpu", getattr(torch, dtype), requires_grad=True):
        logits, (targets, *_), options = sample.input, sample.args, sample.kwargs
        plain = options.get("reduction", "mean") == "mean" and set(options) <= {"reduction"}
        if not plain or logits.ndim != 2 or targets.dtype != torch.int64 or (targets < 0).any():
            continue  # weights, smoothing, probabilities, more dimensions: not ours
        loss = op(logits, targets, **options)
        (gradient,) = torch.autograd.grad(loss, [logits])
        x, y = logits.detach().numpy(), targets.numpy()
        ours, p = cross_entropy.cross_entropy(x, y)
        dlogits = cross_entropy.cross_entropy_backward(p, y)
        counts = count_pairs(np.arange(len(y)), y, max(x.shape))[: len(y), : x.shape[1]]
        bound = gradient_bound(x, counts) + gradient_bound(x, counts, exp_of_log=True)
        assert abs(float(ours) - loss.item()) <= loss_bound(loss.item(), dtype)
        assert (abs(dlogits.astype(np.float64) - gradient.numpy()) <= bound).all(), sample
        tried += 1
    assert tried >= 1


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_scatter_add_on_torchs_samples_of_embedding(dtype: str) -> None:
    from torch.testing._internal.common_methods_invocations import op_db

    (op,) = [op for op in op_db if op.name == "nn.functional.embedding"]
    tried = 0
    for sample in op.sample_inputs("cpu", getattr(torch, dtype), requires_grad=True):
        weight, idx = sample.input, sample.args[0]
        if sample.kwargs or idx.numel() == 0:
            continue  # padding, a largest norm, scaling by frequency: not ours
        looked_up = op(weight, idx)
        upstream = torch.randn_like(looked_up)
        (gradient,) = torch.autograd.grad(looked_up, [weight], upstream)
        flat = upstream.numpy().reshape(-1, weight.shape[1])
        ours = cross_entropy.embedding_backward(flat, idx.numpy().ravel(), len(weight))
        np.testing.assert_array_equal(ours, gradient.numpy())
        tried += 1
    assert tried >= 1
