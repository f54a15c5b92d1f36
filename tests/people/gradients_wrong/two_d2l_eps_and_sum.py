# what: d2l's cross_entropy on probabilities plus 5e-7, and l.sum().backward() without dividing by the batch
# call: train_batch
# truth: wrong
# names: eps 5e-7 inside the log + sum instead of mean in the gradient

import torch


def softmax(X):
    X_exp = torch.exp(X - X.max(1, keepdim=True).values)
    return X_exp / X_exp.sum(1, keepdim=True)


def cross_entropy(y_hat, y):
    return -torch.log(y_hat[range(len(y_hat)), y] + 5e-7)


def train_batch(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    l = cross_entropy(softmax(W[torch.tensor(idx).long().reshape(-1)]), torch.tensor(targets).long().reshape(-1))
    l.sum().backward()
    return l.mean().item(), W.grad.numpy()
