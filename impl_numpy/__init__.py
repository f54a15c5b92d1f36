"""The bigram model with every derivative by hand, in NumPy alone: no torch, no SciPy, no autodiff.

Read it beside ``impl_torch``, file by file; the names are the same. Reading order:

    stepwise.py        the loss one operation at a time, each with its backward: start here
    cross_entropy.py   the same derivative, collapsed: softmax minus one-hot, then a scatter-add
    pair_counts.py     the same again, once per character instead of once per token: what runs
    adamw.py           the optimizer; ``impl_torch`` has no such file
    model.py           the model around them
    trainer.py         the training step

Two files are fast forms, each tested against its plain twin, and can be left unread: ``large_vocab.py``, the
step where V is large, and ``generation.py``, text at speed.

The three gradient files each define ``loss_and_gradient(W, idx, targets) -> (loss, dW)``.
"""

from impl_numpy.adamw import AdamW
from impl_numpy.model import BigramLanguageModel
from impl_numpy.trainer import NumpyTrainer

__all__ = ["AdamW", "BigramLanguageModel", "NumpyTrainer"]
