# what: logits are clamped to [-150, 150] in the model "for safety", autograd through it
# call: safe_model
# truth: unstable
# names: logits clamped to 150

import torch


def safe_model(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    logits = torch.clamp(W, min=-150.0, max=150.0)[torch.tensor(idx).long()]
    loss = torch.nn.functional.cross_entropy(logits.transpose(1, 2), torch.tensor(targets).long())
    loss.backward()
    return loss.item(), W.grad.numpy()
