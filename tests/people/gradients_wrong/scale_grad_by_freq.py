# what: nn.Embedding(scale_grad_by_freq=True) divides each row's gradient by its count in the batch
# call: rare_words
# truth: wrong
# names: each row's gradient divided by its count

import torch


def rare_words(W, idx, targets):
    emb = torch.nn.Embedding.from_pretrained(torch.tensor(W), freeze=False, scale_grad_by_freq=True)
    loss = torch.nn.functional.cross_entropy(
        emb(torch.tensor(idx).long()).flatten(0, 1), torch.tensor(targets).long().flatten()
    )
    loss.backward()
    return loss.item(), emb.weight.grad.numpy()
