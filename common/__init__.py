"""Shared by both models: text in, batches out, and the loop that drives a trainer. No
torch here.

Names used in every file, once:

    V           vocab_size, the number of distinct characters
    B, T        batch_size and block_size: a batch is B windows of T tokens
    N           B * T, the tokens in a batch, or in any other mean
    W           the (V, V) table of logits; row i scores what follows character i
    idx         (B, T) input ids; ``targets`` (B, T) are the ids that follow them
    C           (V, V) pair counts: C[i, j] is how often j followed i
    n           (V,) row sums of C: how often i was seen at all
    z           logits less their row maximum; p = softmax(logits), row by row
    dX          the gradient of the loss with respect to X, with the shape of X
    u           unit roundoff: 2**-24 in float32, 2**-53 in float64
    nats        the unit of every loss: natural logarithms, averaged over N tokens
"""
