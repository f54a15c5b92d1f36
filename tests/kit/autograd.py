"""The gradient that torch's autograd derives from ``impl_torch``'s model."""

import warnings

import pytest
from numpy.typing import NDArray


def autograd(W: NDArray, idx: NDArray, targets: NDArray) -> tuple[float, NDArray]:
    """The loss and dW (V, V) of a batch, in the dtype of ``W``. Without torch the test is
    skipped."""
    torch = pytest.importorskip("torch")
    from impl_torch.model import BigramLanguageModel

    # torch warns of such an array once a process, in whichever test is first
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        table, *batch = (torch.from_numpy(array) for array in (W, idx, targets))
    model = BigramLanguageModel(len(W)).to(table.dtype)
    weight = model.token_embedding_table.weight
    with torch.no_grad():
        weight.copy_(table)
    _, loss = model(*batch)
    (dW,) = torch.autograd.grad(loss, [weight])
    return float(loss.detach()), dW.numpy()
