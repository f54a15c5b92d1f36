"""The bigram model with every derivative by hand, in NumPy alone: no torch, no SciPy,
no autodiff.

Read it beside ``impl_torch``, file by file; the names are the same. Reading order:

    stepwise.py        the loss one operation at a time, each with its backward
    cross_entropy.py   the same derivative, collapsed: softmax minus one-hot, then a
                       scatter-add
    pair_counts.py     the same again, once per character instead of once per token
    adamw.py           the optimizer; ``impl_torch`` has no such file
    model.py           the model around them
    trainer.py         the training step

Each of the three gradient files defines ``loss_and_gradient(W, idx, targets)``, which
returns ``loss, dW``. Training runs the files in ``fast/``, each tested equal
to its plain twin above; they can be left unread.
"""

from impl_numpy.adamw import AdamW
from impl_numpy.model import BigramLanguageModel
from impl_numpy.trainer import NumpyTrainer

__all__ = ["AdamW", "BigramLanguageModel", "NumpyTrainer"]
