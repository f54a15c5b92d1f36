# what: positional-only parameters
# call: grad
# truth: right
# kind: gradient ; interface: (table, contexts, nexts, /) -> (loss, dW)
# needs: none

import numpy as np


def grad(table, contexts, nexts, /):
    table = np.array(table)
    V = table.shape[0]
    table -= table.max(axis=1, keepdims=True)
    lse = np.log(np.exp(table).sum(axis=1, keepdims=True))
    logp = table - lse
    joint = np.zeros((V, V), np.int64)
    np.add.at(joint, (contexts, nexts), 1)
    N = joint.sum()
    loss = -(logp[joint > 0] * joint[joint > 0]).sum() / N
    dW = (joint.sum(1)[:, None] * np.exp(logp) - joint) / N
    return loss, dW.astype(table.dtype)
