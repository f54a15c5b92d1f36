# what: (inputs, labels, logits_table)
# call: xent_with_grad
# truth: right
# kind: gradient ; interface: (inputs, labels, logits_table) -> (loss, dW)
# needs: none

import numpy as np


def xent_with_grad(inputs, labels, logits_table):
    flat = inputs.reshape(-1)
    lab = labels.reshape(-1)
    lg = logits_table.take(flat, axis=0)
    mx = lg.max(axis=1, keepdims=True)
    ex = np.exp(lg - mx)
    sm = ex.sum(axis=1, keepdims=True)
    loss = (np.log(sm) + mx - lg[np.arange(flat.size), lab][:, None]).mean()
    ex /= sm
    np.subtract.at(ex, (np.arange(flat.size), lab), 1)
    onehot = np.zeros((flat.size, len(logits_table)), lg.dtype)
    onehot[np.arange(flat.size), flat] = 1
    return loss, np.dot(onehot.T, ex) / flat.size
