# what: values of an uncoalesced sparse gradient are assigned by their indices: of repeated ids the last wins
# call: sparse_table
# truth: wrong
# names: repeated ids lost in the scatter (sparse gradient not coalesced)

import torch


def sparse_table(W, idx, targets):
    emb = torch.nn.Embedding(*W.shape, sparse=True, _weight=torch.tensor(W))
    loss = torch.nn.functional.cross_entropy(
        emb(torch.tensor(idx).long()).flatten(0, 1), torch.tensor(targets).long().flatten()
    )
    loss.backward()
    g = emb.weight.grad
    dense = torch.zeros(W.shape, dtype=torch.float64)
    for row, value in zip(g._indices()[0], g._values()):
        dense[row] = value
    return loss.item(), dense.numpy()
