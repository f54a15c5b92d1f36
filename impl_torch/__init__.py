"""The bigram model in plain PyTorch: the reference that ``impl_numpy`` is held against.

Written as a textbook would write it; autograd finds the gradient and ``torch.optim``
takes the step, so two files are enough. ``distributed.py`` takes the same step in
several processes. Faster forms do not belong here.
"""

from impl_torch.model import BigramLanguageModel
from impl_torch.trainer import TorchTrainer

__all__ = ["BigramLanguageModel", "TorchTrainer"]
