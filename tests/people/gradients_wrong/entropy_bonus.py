# what: an entropy bonus of 0.015 from a policy-gradient trainer is subtracted from the loss
# call: actor_loss
# truth: wrong
# names: entropy bonus 0.015 in loss and gradient

import torch


def actor_loss(W, idx, targets, ent_coef=0.015):
    W = torch.tensor(W, requires_grad=True)
    states, actions = torch.tensor(idx).long().flatten(), torch.tensor(targets).long().flatten()
    dist = torch.distributions.Categorical(logits=W[states])
    loss = -dist.log_prob(actions).mean() - ent_coef * dist.entropy().mean()
    loss.backward()
    return loss.item(), W.grad.numpy()
