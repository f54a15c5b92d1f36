# %% [markdown]
# # A language model from nothing, twice
#
# A language model guesses what comes next. This one guesses the next *character*, and all it looks at is
# the one before it: a **bigram** model. It is the smallest language model there is, and it has every part
# of a large one: text becomes numbers, numbers become batches, a model turns them into probabilities, a
# loss says how surprised it was, a gradient says how to be less so, an optimizer takes the step, and in the
# end the model writes.
#
# First we build it in PyTorch, which finds the gradient for us. Then we build it again with NumPy alone and
# find the gradient by hand. Then we hold the two against each other, number by number.
#
# You need Python, and some idea of what an array and a derivative are. Reading takes about 40 minutes,
# running all of it seconds. Each part ends with something to **try**: change it, run it again, and see
# whether it does what you thought it would.
#
# To run it, install the project (`pip install -c constraints.txt -e ".[all]"` in a clone). This notebook is
# made from `docs/tutorial.py`, which is also a program: `python docs/tutorial.py` prints the same.

# %%
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from common.batcher import Batcher
from common.text.corpus import surrogate_corpus
from common.tokenizer import CharTokenizer

np.set_printoptions(precision=3, suppress=True)
torch.set_num_threads(1)  # on a model this small a second thread would only wait for the first

# %% [markdown]
# ## 1. The text
#
# The usual text to begin with is *tiny Shakespeare*, a megabyte of plays. To run without a network, and
# print the same on every machine, this page takes a stand-in: a random text in which every pair of
# neighbouring characters occurs exactly as often as in tiny Shakespeare.

# %%
corpus = surrogate_corpus()
text = corpus.tokenizer.decode(np.concatenate([corpus.train, corpus.val]))
print(f"{len(text):,} characters, which begin like this:\n")
print(text[:250])

# %% [markdown]
# Not a word of it means anything, and still it is all that a bigram model can learn from Shakespeare: it
# never sees more than two characters at once, so two texts with the same pairs are one text to it. Remember
# this passage: our model will try to write like it, and cannot do better.
#
# **Try:** `from common.text.corpus import load_corpus`, and `corpus = load_corpus()` in place of it,
# for the real plays (downloaded once), or `load_corpus("my.txt")` for a text of your own. With the plays,
# the optimum in section 6 comes out the same to the last digit. Why?

# %% [markdown]
# ## 2. The tokenizer
#
# Models compute, so characters must become numbers. The simplest way: sort the distinct characters, and
# number them. That list is the **vocabulary**, its length is V, and the numbers are called **ids** or
# tokens.

# %%
chars = sorted(set(text))
V = len(chars)
stoi = {ch: i for i, ch in enumerate(chars)}  # string to integer
itos = dict(enumerate(chars))  # and back


def encode(string):
    return [stoi[ch] for ch in string]


def decode(ids):
    return "".join(itos[i] for i in ids)


print(f"V = {V}: {''.join(chars)!r}")
print(f"'a' has the id {stoi['a']}, 'H' has {stoi['H']}; 0 is {itos[0]!r} and 42 is {itos[42]!r}")
print(encode("Hello, world!"))
print(repr(decode(encode("Hello, world!"))))

# %% [markdown]
# Nothing is lost on the way: `decode(encode(s)) == s` for every text made of these characters. This
# project's `CharTokenizer` numbers them in the same order, so its ids are ours:

# %%
tokenizer = CharTokenizer(text)
assert tokenizer.encode("Hello, world!").tolist() == encode("Hello, world!")

# %% [markdown]
# **Try:** `encode("café")`. What should a tokenizer do with a character it has never seen? Then see what
# `tokenizer.encode("café")` says.

# %% [markdown]
# ## 3. Batches
#
# The whole text becomes one long row of ids. The first 90 % are to learn from, the rest are kept aside:
# only on text that the model has not seen can we tell whether it has learned something about the language
# or just this text by heart.

# %%
data = np.array(encode(text))
cut = int(0.9 * len(data))
train_data, val_data = data[:cut], data[cut:]
print(f"data: shape {data.shape}, {data.dtype};  train {len(train_data):,}, validation {len(val_data):,}")

# %% [markdown]
# Every step learns from a few random windows of it. With `batch_size` B windows of `block_size` T
# characters, the inputs `x` and the targets `y` both have shape (B, T), and `y` is `x` one character
# further on: `y[b, t]` is what follows `x[b, t]`. So one window holds T questions with their answers.


# %%
def get_batch(data, batch_size, block_size, rng):
    # A window and its last answer take block_size + 1 characters, so this is where the last can start:
    last = len(data) - block_size - 1
    starts = rng.integers(last + 1, size=batch_size)  # `integers` leaves its upper end out
    x = np.stack([data[i : i + block_size] for i in starts])
    y = np.stack([data[i + 1 : i + block_size + 1] for i in starts])
    return x, y


x, y = get_batch(train_data, batch_size=4, block_size=8, rng=np.random.default_rng(0))
print(f"x {x.shape}, y {y.shape}\n")
print(f"x[0] = {x[0]}  {decode(x[0])!r}")
print(f"y[0] = {y[0]}  {decode(y[0])!r}\n")
for t in range(4):
    print(f"after {decode(x[0, t : t + 1])!r} comes {decode(y[0, t : t + 1])!r}")

# %% [markdown]
# A larger model would use all the characters up to `t` to answer question `t`. Ours uses one. For it a
# batch is simply B · T separate pairs, and the windows are there so that you could put a larger model in
# its place.
#
# The project's `Batcher` draws the same batches from the same random numbers, with one fancy index instead
# of a loop:

# %%
again, _ = Batcher(train_data, batch_size=4, block_size=8, rng=np.random.default_rng(0)).get_batch()
assert (again == x).all()

# %% [markdown]
# **Try:** a batch of 32 windows of 1, then 1 window of 32. Same number of pairs: what is the difference for
# a bigram model, and what for one that looks further back?

# %% [markdown]
# ## 4. The model
#
# It is one table W of shape (V, V). Row i holds a score for every character that could follow character i.
# Scores are called **logits**; they can be any number. **Softmax** makes probabilities of a row:
# exponentials, divided by their sum. `nn.Embedding` is such a table, and looking up a row is all it does.
#
# The **loss** of one pair is −log p, with p the probability that the model gave to what really came. If it
# was sure and right, that is 0. If it thought the character impossible, it is infinite. The loss of a batch
# is the mean of all its B · T pairs. The logarithm is the natural one, so its unit is called the *nat*.


# %%
class BigramLanguageModel(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.token_embedding_table = nn.Embedding(vocab_size, vocab_size)

    def forward(self, idx, targets=None):
        logits = self.token_embedding_table(idx)  # (B, T) -> (B, T, V): each id becomes its row
        if targets is None:
            return logits, None
        B, T, V = logits.shape
        # cross_entropy wants one row of logits for each target, so the batch is flattened to N = B * T pairs.
        loss = F.cross_entropy(logits.view(B * T, V), targets.view(B * T))
        return logits, loss

    @torch.no_grad()
    def generate(self, idx, max_new_tokens):
        for _ in range(max_new_tokens):
            logits, _ = self(idx[:, -1:])  # only the last character counts
            probs = F.softmax(logits[:, -1, :], dim=-1)  # (B, V)
            idx_next = torch.multinomial(probs, num_samples=1)  # (B, 1), drawn by these probabilities
            idx = torch.cat([idx, idx_next], dim=1)  # (B, T + 1): what was written is read in the next round
        return idx


torch.manual_seed(1337)
model = BigramLanguageModel(V)
logits, loss = model(torch.from_numpy(x), torch.from_numpy(y))
print(model)
print(f"{sum(p.numel() for p in model.parameters()):,} parameters = {V} x {V}")
print(f"x {tuple(x.shape)} -> logits {tuple(logits.shape)}, loss {loss.item():.4f}")

# %% [markdown]
# Is that a bad loss? If every character were equally likely, p would be 1 / V each time and the loss log V.
# A table of zeros does exactly that. The fresh table is worse: its scores are random, so it has opinions,
# and they are wrong.

# %%
with torch.no_grad():
    zeros = BigramLanguageModel(V)
    zeros.token_embedding_table.weight.zero_()
    _, flat = zeros(torch.from_numpy(x), torch.from_numpy(y))
print(f"a table of zeros: {flat.item():.4f}    log V: {np.log(V):.4f}    a random table: {loss.item():.4f}")

# %% [markdown]
# `generate` writes: it draws a character from the row of the last one, appends it, and goes on from there.
# A model that feeds on its own words like this is called *autoregressive*. It starts from a newline, id 0.

# %%
start = torch.zeros((1, 1), dtype=torch.long)
print(decode(model.generate(start, max_new_tokens=100)[0].tolist()))

# %% [markdown]
# **Try:** multiply the table by 10 (`model.token_embedding_table.weight.data *= 10`). The opinions are the
# same, but held ten times as strongly. What happens to the loss, and to the text?

# %% [markdown]
# ## 5. Training
#
# Five lines make a step: a batch, the loss, the gradient, the update, and forgetting the old gradient
# first. Autograd finds the gradient: the derivative of the loss with respect to each of the V · V numbers
# in the table. AdamW takes the step.
#
# The loss of one batch jumps about, so every 500 steps we look at the mean over 200 of them, from both
# parts of the text. (Larger models are switched with `model.eval()` before that and with `model.train()`
# after it; in this one nothing behaves differently.) The first table and the batches come from NumPy's
# generators, so that the second model can get the very same ones.

# %%
batch_size, block_size, steps, lr = 32, 8, 5000, 1e-3
table = np.random.default_rng(1337).standard_normal((V, V)).astype(np.float32)


@torch.no_grad()
def estimate_loss(model, data, rng, batches=200):
    losses = []
    for _ in range(batches):
        xb, yb = (torch.from_numpy(ids) for ids in get_batch(data, batch_size, block_size, rng))
        losses.append(model(xb, yb)[1].item())
    return np.mean(losses)


with torch.no_grad():
    model.token_embedding_table.weight.copy_(torch.from_numpy(table))
optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
rng, evaluation_rng = np.random.default_rng(0), np.random.default_rng(1)
torch_losses = []
for step in range(steps + 1):
    if step % 500 == 0:
        train_loss = estimate_loss(model, train_data, evaluation_rng)
        val_loss = estimate_loss(model, val_data, evaluation_rng)
        print(f"step {step:5}: train loss {train_loss:.2f}, validation loss {val_loss:.2f}")
    if step == steps:
        break
    xb, yb = (torch.from_numpy(ids) for ids in get_batch(train_data, batch_size, block_size, rng))
    _, loss = model(xb, yb)
    optimizer.zero_grad(set_to_none=True)  # .grad accumulates: what the last step left in it must go
    loss.backward()
    optimizer.step()
    torch_losses.append(loss.item())

# %%
print(decode(model.generate(start, max_new_tokens=500)[0].tolist()))

# %% [markdown]
# It has learned which letters end a word, what follows a full stop, that capitals like company. It has also
# kept some of the noise it was born with. Compare it with the passage in section 1, which is how a perfect
# bigram model writes.
#
# **Try:** a learning rate of `1e-2`. Then of `10`.

# %% [markdown]
# ## 6. How good can it get?
#
# Training stopped above 2.5 nats. Is that good? For this model the answer can be worked out. Count how
# often character j follows character i: that is the matrix **C**, (V, V). The best guess after i is how
# often each j really came, `C[i, j] / n[i]`, with n the row sums. Nothing that sees only i can beat it on
# these pairs.

# %%
C = np.zeros((V, V), dtype=int)
np.add.at(C, (train_data[:-1], train_data[1:]), 1)  # one for each pair of neighbours
n = C.sum(axis=1, keepdims=True)
seen = C > 0
optimum = -(C[seen] * np.log((C / n)[seen])).sum() / C.sum()


def exact_loss(W):
    """The mean loss over all pairs of the training text, from their counts: no batches, no noise."""
    logp = W - np.log(np.exp(W).sum(axis=1, keepdims=True))
    return -(C * logp).sum() / C.sum()


W = model.token_embedding_table.weight.detach().numpy().astype(np.float64)
print(f"the least any bigram table can reach: {optimum:.4f}")
print(f"this one, exactly:                    {exact_loss(W):.4f}")
q, u = stoi["q"], stoi["u"]
p = np.exp(W[q]) / np.exp(W[q]).sum()
print(f"'u' after 'q': {C[q, u]} of {n[q, 0]} times; the model says {p[u]:.0%}")

# %% [markdown]
# So this model is nothing but counting, and counting needs no gradient. We train it only to see how
# training works, where the best answer is known. That is worth a lot: when a large model is stuck at some
# loss, nobody can say whether that is a mistake or the best there is.
#
# **Try:** `exact_loss(np.log(C + 1))`, with one added to each count. It is a little above the optimum. On
# which text might it be better all the same? (What would `np.log(C)` say of a pair that it has never seen?)

# %% [markdown]
# ## 7. The gradient, by hand
#
# Now without autograd. Take a text that fits on paper, `hello`: four characters, and four pairs, he, el,
# ll, lo. Watch the `l`, which occurs twice as an input.

# %%
small = CharTokenizer("hello")
tokens = small.encode("hello").astype(int)
idx, targets = tokens[:-1], tokens[1:]
W = np.array([[1.0, 0, 0, 0], [0, 1, 0, 2], [0, 0, 1, 1], [2, 0, 0, 0]])
print("vocabulary", small.vocab)
print("idx", idx, " targets", targets)

# %% [markdown]
# **Forward.** Each of the N = 4 inputs looks up its row; softmax; the probability of the target; its −log;
# the mean. The largest logit of a row is taken off first. That changes no probability, and keeps `exp` from
# overflowing.

# %%
N = len(idx)
logits = W[idx]  # (N, V)
e = np.exp(logits - logits.max(axis=1, keepdims=True))
p = e / e.sum(axis=1, keepdims=True)  # (N, V), rows add up to 1
picked = p[np.arange(N), targets]  # (N,)
loss = -np.log(picked).mean()
print("p =\n", p)
print("p of what came:", picked, "  loss:", round(loss, 4))

# %% [markdown]
# **Backward, to the logits.** One page of calculus ([the derivation](derivation.md)) gives a result that is
# easy to remember: the gradient of −log p[target] with respect to a row of logits is *p minus one-hot*.
# What the model expected, less what came. Each token has one N-th of it, since the loss is a mean. Each row
# adds up to 0, for what one character gains the others lose.

# %%
dlogits = p.copy()
dlogits[np.arange(N), targets] -= 1
dlogits /= N
print("dlogits =\n", dlogits)
print("every row adds up to 0:", np.allclose(dlogits.sum(axis=1), 0))

# %% [markdown]
# **Backward, to the table.** Each row of `dlogits` goes back to the row of W that was looked up. Both `l`
# used row 2, so row 2 gets *both*, added. Here is the line that nearly everybody writes first, and beside
# it one that works:

# %%
lost, dW = np.zeros_like(W), np.zeros_like(W)
lost[idx] += dlogits  # reads every row once, adds, writes once: of two l's only the last stays
np.add.at(dW, idx, dlogits)  # adds each in turn
row = small.stoi["l"]
print("from the first l ", dlogits[2])
print("from the second  ", dlogits[3])
print("with +=          ", lost[row])
print("with np.add.at   ", dW[row])

# %% [markdown]
# And autograd, the referee:

# %%
W_torch = torch.tensor(W, requires_grad=True)
F.cross_entropy(W_torch[torch.from_numpy(idx)], torch.from_numpy(targets)).backward()
right = W_torch.grad.numpy()
print(f"with np.add.at, largest difference from autograd: {abs(dW - right).max():.0e}")
print(f"with +=,        largest difference from autograd: {abs(lost - right).max():.3f}")
assert np.allclose(dW, right, rtol=0, atol=1e-15)

# %% [markdown]
# **Try:** leave out `dlogits /= N`, and look at the difference again (the assert will object). Then leave it
# out in section 9, take the asserts there away, and train with such a gradient: the loss falls as if nothing
# had happened. A falling loss proves nothing; this is why this project exists.

# %% [markdown]
# ## 8. AdamW, by hand
#
# Plain gradient descent would take `W -= lr * dW`. AdamW does three more things. It keeps a running mean
# `m` of the gradient, so that noise averages out. It keeps a running mean `v` of its square and divides by
# the root, so that every number in the table moves at its own pace, whatever the size of its gradient. And
# it shrinks the table a little each time (weight decay). Both means start from zero and would be too small
# at first; dividing by `1 - beta**t` corrects that.


# %%
class AdamW:
    def __init__(self, W, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self.t, self.m, self.v = 0, np.zeros_like(W), np.zeros_like(W)

    def step(self, W, dW):
        beta1, beta2 = self.betas
        self.t += 1
        W *= 1 - self.lr * self.weight_decay
        self.m = beta1 * self.m + (1 - beta1) * dW
        self.v = beta2 * self.v + (1 - beta2) * dW**2
        m_hat = self.m / (1 - beta1**self.t)
        v_hat = self.v / (1 - beta2**self.t)
        W -= self.lr * m_hat / (np.sqrt(v_hat) + self.eps)


before = W.copy()
AdamW(W, lr).step(W, dW)
print("the gradient of row 'l'        ", dW[row])
print("the first step moved the row by", W[row] - before[row])

# %% [markdown]
# In the first step m / √v is just the sign of the gradient: every entry that has a gradient moves by lr, be
# it large or small. (The decay moves it by lr · 0.01 of its own size, too little to show here.) So AdamW
# hardly notices when a gradient is 256 times too large.
#
# **Try:** `AdamW(before, lr).step(before, 1000 * dW)`, and compare `before` with `W`. Then give it
# `dW + 1e-9`: what happens in row `o`, which nothing looked up? (Compare 1e-9 with eps.)

# %% [markdown]
# ## 9. Both, side by side
#
# Everything is there: the same table, the same batches, our gradient, our optimizer. 5,000 steps by hand,
# and every loss is compared with the one that PyTorch had.


# %%
def loss_and_gradient(W, idx, targets):
    """The mean loss in nats, and its gradient dW (V, V). ``idx``, ``targets``: (B, T)."""
    idx, targets = idx.ravel(), targets.ravel()
    N = len(idx)
    logits = W[idx]
    z = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(z)
    s = e.sum(axis=1, keepdims=True)
    loss = -(z[np.arange(N), targets] - np.log(s[:, 0])).mean()
    dlogits = e / s
    dlogits[np.arange(N), targets] -= 1
    dlogits /= N
    dW = np.zeros_like(W)
    np.add.at(dW, idx, dlogits)
    return loss, dW


by_hand = table.copy()  # where the first model started
optimizer_by_hand = AdamW(by_hand, lr)
rng = np.random.default_rng(0)  # and its batches
losses = []
for _ in range(steps):
    loss, dW = loss_and_gradient(by_hand, *get_batch(train_data, batch_size, block_size, rng))
    optimizer_by_hand.step(by_hand, dW)
    losses.append(loss)

by_torch = model.token_embedding_table.weight.detach().numpy()
print(f"first loss   {losses[0]:.6f} by hand, {torch_losses[0]:.6f} by PyTorch")
print(f"last loss    {losses[-1]:.6f} by hand, {torch_losses[-1]:.6f} by PyTorch")
apart, tables_apart = abs(np.array(losses) - torch_losses).max(), abs(by_hand - by_torch).max()
print(f"furthest apart in 5,000 steps: {apart:.0e} nats;  in the tables at the end: {tables_apart:.0e}")
assert max(apart, tables_apart) < 1e-4

# %% [markdown]
# Not equal to the last bit: the sums are taken in another order, and every sum is rounded. How far apart
# two *correct* programs may be is a question with an answer: [`bigram/bounds.py`](../bigram/bounds.py)
# derives it, and the command `bigram compare` holds every number of such a run against it. The project's own
# functions do what ours do:
#
# | here | there |
# |---|---|
# | `get_batch` | [`common/batcher.py`](../common/batcher.py) |
# | `BigramLanguageModel` | [`impl_torch/model.py`](../impl_torch/model.py) |
# | `loss_and_gradient` | [`impl_numpy/cross_entropy.py`](../impl_numpy/cross_entropy.py) |
# | `AdamW` | [`impl_numpy/adamw.py`](../impl_numpy/adamw.py) |

# %%
from impl_numpy import cross_entropy

theirs, their_dW = cross_entropy.loss_and_gradient(by_hand, x, y)
ours, our_dW = loss_and_gradient(by_hand, x, y)
assert abs(ours - theirs) < 1e-6
assert np.allclose(our_dW, their_dW, atol=1e-7)

# %% [markdown]
# What the two write from the same random draws is the same text. `multinomial` would draw for PyTorch
# alone, so here both use a plain recipe: add the probabilities up, and take the first character at which
# the sum passes the draw.


# %%
def write(W, draws, start=0):
    ids = [start]
    for draw in draws:
        e = np.exp(W[ids[-1]] - W[ids[-1]].max())
        cdf = np.cumsum(e) / e.sum()
        ids.append(min(int(np.searchsorted(cdf, draw, side="right")), len(W) - 1))
    return decode(ids[1:])


draws = np.random.default_rng(2).random(300)
print(write(by_hand, draws))
assert write(by_hand, draws) == write(by_torch, draws)

# %% [markdown]
# **Try:** plant the mistake of section 7 (`dW[idx] += dlogits`) in `loss_and_gradient`, take the asserts
# out, and run this part again. Does the loss fall? Would you have noticed from the text?

# %% [markdown]
# ## 10. The same gradient, from counts
#
# One thing more, because it explains so much. All tokens with the same character i look up the same row and
# share its p[i]. Adding up their *p minus one-hot* gives, for a batch that holds i n[i] times, followed by
# j C[i, j] times:
#
# $$dW_{ij} = \frac{n_i \, p_{ij} - C_{ij}}{N}$$
#
# Expected less seen. Nothing is left to do for each token but to count it; the rest is one table of work, for
# 256 tokens as for a million. And the formula says where training ends: where p = C / n, the counts' own
# frequencies. That is section 6 again.

# %%
x, y = get_batch(train_data, batch_size, block_size, np.random.default_rng(3))
C_batch = np.zeros((V, V))
np.add.at(C_batch, (x.ravel(), y.ravel()), 1)
n_batch = C_batch.sum(axis=1, keepdims=True)
e = np.exp(by_hand - by_hand.max(axis=1, keepdims=True))
from_counts = (n_batch * e / e.sum(axis=1, keepdims=True) - C_batch) / x.size
_, token_by_token = loss_and_gradient(by_hand, x, y)
print(f"{(n_batch > 0).sum()} of {V} rows have a gradient")
print(f"largest difference of the two forms: {abs(from_counts - token_by_token).max():.0e}")
assert np.allclose(from_counts, token_by_token, rtol=0, atol=1e-7)

# %% [markdown]
# **Try:** take the whole training text for a batch: `C` and `n` of section 6. How large is the gradient at
# `np.log(C + 1e-9)`? Why?

# %% [markdown]
# ## 11. Let the doctor look
#
# `check` takes any function from a cell, runs it on cases that tell mistakes apart, and names the mistake.
# Here a gradient is written with = where it should be added up, so it loses repeated characters. In a
# notebook, `check(loss_and_gradient)` as the last line of a cell shows the report as a table.

# %%
from bigram import check


def loses_repeats(W, idx, targets):
    loss, _ = loss_and_gradient(W, idx, targets)
    lost = np.zeros_like(W)
    for i, y in zip(idx.ravel(), targets.ravel(), strict=True):
        p = np.exp(W[i] - W[i].max())
        lost[i] = p / p.sum() / idx.size  # = instead of +=
        lost[i, y] -= 1 / idx.size
    return loss, lost


print("loss_and_gradient:", check(loss_and_gradient).verdict)
wrong = check(loses_repeats)
print("loses_repeats:", wrong.verdict, wrong.diagnosis)
assert wrong.verdict == "wrong"

# %% [markdown]
# **Try:** check the gradient that you wrote yourself. Then break it, one line at a time: is every mistake
# named?

# %% [markdown]
# ## Where to go from here
#
# * **Write it yourself.** [Six exercises](exercises/README.md), from softmax to AdamW, each
#   checked by a program that names the mistake when there is one.
# * **With a pencil.** [The derivation](derivation.md) takes every step that this page left out.
# * **The whole comparison.** `bigram compare` trains both models and compares every loss, gradient, moment
#   and weight; `bigram compare --plot pictures` draws it.
# * **Your own gradient.** [Check your own code](check.md): from Python, in tests, optimizers and kernels;
#   `bigram check mine.py:loss_and_gradient` on the command line.
# * **The code.** [The README](../README.md#reading-order) has a reading order, file by file.
