# what: the lecture's module; gradients by their names
# call: named_grads
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, {"token_embedding_table.weight": dW})
# needs: torch

import torch
import torch.nn as nn
from torch.nn import functional as F


class BigramLanguageModel(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.token_embedding_table = nn.Embedding(vocab_size, vocab_size)

    def forward(self, idx, targets):
        logits = self.token_embedding_table(idx)
        B, T, C = logits.shape
        return logits, F.cross_entropy(logits.view(B * T, C), targets.view(B * T))


def named_grads(W, idx, targets):
    model = BigramLanguageModel(W.shape[0]).to(torch.tensor(W).dtype)
    model.load_state_dict({"token_embedding_table.weight": torch.tensor(W)})
    _, loss = model(torch.tensor(idx).long(), torch.tensor(targets).long())
    model.zero_grad(set_to_none=True)
    loss.backward()
    return loss.item(), {name: p.grad for name, p in model.named_parameters()}
