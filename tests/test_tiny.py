"""Proves the whole story on four pairs of characters: from a text to a gradient and an optimizer by
hand, and a table that has learned. Run it first; it takes about two seconds."""

import numpy as np
import pytest

from bigram.bounds import gradient_bound
from common.batcher import Batcher
from common.pairs import conditional_entropy, count_pairs
from common.tokenizer import CharTokenizer
from impl_numpy import AdamW, BigramLanguageModel, cross_entropy, pair_counts, stepwise

TEXT = "hello"
tokenizer = CharTokenizer(TEXT)
tokens = tokenizer.encode(TEXT).astype(np.int64)
idx, targets = tokens[None, :-1], tokens[None, 1:]  # h-e, e-l, l-l, l-o
W = np.random.default_rng(0).standard_normal((tokenizer.vocab_size, tokenizer.vocab_size))


def test_text_becomes_ids_and_comes_back() -> None:
    assert tokens.tolist() == [1, 0, 2, 2, 3]  # e, h, l, o in the order of their code points
    assert tokenizer.decode(tokens) == TEXT


def test_targets_are_the_inputs_one_character_later() -> None:
    x, y = Batcher(tokens, batch_size=3, block_size=2, rng=np.random.default_rng(0)).get_batch()
    assert x.shape == y.shape == (3, 2)
    assert (x[:, 1] == y[:, 0]).all()


def test_logits_of_zero_cost_the_logarithm_of_the_number_of_characters() -> None:
    loss, _ = pair_counts.loss_and_gradient(np.zeros((4, 4)), idx, targets)
    assert loss == pytest.approx(np.log(4), rel=1e-15)


def test_a_character_seen_twice_gets_both_gradients() -> None:
    x, y = idx.ravel(), targets.ravel()
    _, p = cross_entropy.cross_entropy(W[x], y)
    dlogits = cross_entropy.cross_entropy_backward(p, y)
    dW = cross_entropy.embedding_backward(dlogits, x, 4)
    assert x.tolist() == [1, 0, 2, 2]  # l, id 2, is looked up twice
    assert (dW[2] == dlogits[2] + dlogits[3]).all()
    assert (dW[3] == 0).all()  # nothing follows o, so its row has no gradient


def test_three_ways_by_hand_give_one_gradient() -> None:
    bound = 2 * gradient_bound(W, count_pairs(idx, targets, 4), exp_of_log=True, per_token=True)
    _, expected = stepwise.loss_and_gradient(W, idx, targets)
    for form in (cross_entropy, pair_counts):
        _, dW = form.loss_and_gradient(W, idx, targets)
        assert (abs(dW - expected) <= bound).all()


def test_the_gradient_by_hand_is_that_of_autograd() -> None:
    torch = pytest.importorskip("torch")
    table = torch.tensor(W, requires_grad=True)
    logits = table[torch.from_numpy(idx)].flatten(0, 1)
    torch.nn.functional.cross_entropy(logits, torch.from_numpy(targets).flatten()).backward()
    _, dW = pair_counts.loss_and_gradient(W, idx, targets)
    bound = 2 * gradient_bound(W, count_pairs(idx, targets, 4), exp_of_log=True, per_token=True)
    assert (abs(dW - table.grad.numpy()) <= bound).all()


def test_the_first_step_of_adamw_moves_every_seen_entry_by_the_learning_rate() -> None:
    after, lr = W.copy(), 0.1
    _, dW = pair_counts.loss_and_gradient(W, idx, targets)
    AdamW(after, lr=lr, eps=0.0, weight_decay=0.0).step(after, dW + (dW == 0))  # no entry at 0 / 0
    np.testing.assert_allclose(abs(after - W), lr, rtol=1e-12)


def test_training_approaches_the_least_loss_possible() -> None:
    model = BigramLanguageModel(4, np.random.default_rng(0), np.float64)
    optimizer = AdamW(model.token_embedding_table, lr=0.1, weight_decay=0.0)
    for _ in range(1000):
        loss, dW = model.loss_and_gradient(idx, targets)
        optimizer.step(model.token_embedding_table, dW)
    optimum = conditional_entropy(count_pairs(idx, targets, 4))
    # after l comes l or o; everything else is certain
    assert optimum == pytest.approx(np.log(2) / 2)
    assert optimum < loss < optimum + 1e-3
