# what: a book's function over params with .grad, states and hyperparams
# call: adamw
# truth: right
# kind: optimizer ; interface: adamw(params, states, hyperparams) torch tensors with .grad in place, states [(m, v)], hyperparams {lr, beta1, beta2, eps, wd, t}
# needs: torch

import torch


def init_states(params):
    return [(torch.zeros_like(p), torch.zeros_like(p)) for p in params]


def adamw(params, states, hyperparams):
    b1, b2 = hyperparams.get("beta1", 0.9), hyperparams.get("beta2", 0.999)
    lr, eps, wd = hyperparams.get("lr", 1e-3), hyperparams.get("eps", 1e-8), hyperparams.get("wd", 1e-2)
    hyperparams["t"] = hyperparams.get("t", 0) + 1
    t = hyperparams["t"]
    for p, (m, v) in zip(params, states):
        with torch.no_grad():
            m[:] = b1 * m + (1 - b1) * p.grad
            v[:] = b2 * v + (1 - b2) * torch.square(p.grad)
            p[:] -= lr * wd * p
            p[:] -= lr * (m / (1 - b1**t)) / (torch.sqrt(v / (1 - b2**t)) + eps)
        p.grad.zero_()
