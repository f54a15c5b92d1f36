# what: the z-loss 1e-4 * logsumexp**2 of PaLM is added to loss and gradient
# call: loss_with_z
# truth: wrong
# names: z-loss 1e-4 in loss and gradient

import torch
import torch.nn.functional as F


def loss_with_z(W, idx, targets, z_weight=1e-4):
    W = torch.as_tensor(W).detach().clone().requires_grad_(True)
    logits = W[torch.as_tensor(idx).long()].flatten(0, -2)
    ce = F.cross_entropy(logits, torch.as_tensor(targets).long().flatten())
    z = torch.logsumexp(logits, dim=-1)
    loss = ce + z_weight * z.pow(2).mean()
    return loss.item(), torch.autograd.grad(loss, W)[0].numpy()
