# %% [markdown]
# # A language model from nothing, twice
#
# A language model guesses the next piece of a text. This one guesses the next *character*, and looks only at
# the one before it: a **bigram** model. It is the smallest language model there is, and it has every part
# of a large one: text becomes numbers, numbers become batches, a model turns them into probabilities, a
# loss says how surprised it was, a gradient says how to be less so, an optimizer takes the step, and in the
# end the model writes.
#
# First we build it in PyTorch, which finds the gradient for us. Then we build it again with NumPy alone and
# find the gradient by hand. Then we compare the two, number by number.
#
# You need Python, and some idea of an array and of a derivative. Reading takes about an hour, running all of
# it less than a minute. Each part ends with something to **try**: change it, run it again, and see whether
# your guess was right. The answers are folded below.
#
# To run it, install the project (`pip install -c constraints.txt -e ".[all]"` in a clone). This notebook is
# made from `docs/tutorial.py`, which is also a program: `python docs/tutorial.py` prints the same, without
# the pictures.

# %%
import itertools

import numpy as np
import torch
from matplotlib import pyplot as plt
from torch import nn
from torch.nn import functional as F

from bigram.plot_style import visible
from common.batcher import Batcher
from common.text.corpus import surrogate_corpus
from common.tokenizer import CharTokenizer

np.set_printoptions(precision=3, suppress=True)
torch.set_num_threads(1)  # on a model this small a second thread would only wait for the first
plt.rcParams["axes.spines.top"] = plt.rcParams["axes.spines.right"] = False

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
# Not a word of it means anything, and still a bigram model can learn no more from Shakespeare: it never sees
# more than two characters at once, so two texts with the same pairs are one text to it. Remember this
# passage: our model will try to write like it, and cannot do better.
#
# A picture of the pairs: the 16 commonest characters, each pair with the number of times it occurs. Rows are
# the first character, columns the second.

# %%
alphabet, numbers = np.unique(list(text), return_counts=True)
common = alphabet[np.argsort(-numbers, kind="stable")[:16]]
place = {ch: i for i, ch in enumerate(common)}
pairs = np.zeros((16, 16), dtype=int)
for first, second in itertools.pairwise(text):
    if first in place and second in place:
        pairs[place[first], place[second]] += 1
figure, axes = plt.subplots(figsize=(9, 9))
axes.imshow(np.sqrt(pairs), cmap="Blues")  # the root, so that small counts can be seen too
for i, first in enumerate(common):
    for j, second in enumerate(common):
        colour = "white" if pairs[i, j] > pairs.max() / 3 else "black"
        axes.text(j, i, visible(first) + visible(second), ha="center", va="bottom", color=colour, fontsize=9)
        axes.text(j, i, f"{pairs[i, j]:,}", ha="center", va="top", color=colour, fontsize=7)
axes.axis("off")
axes.set_title("how often each pair occurs (␣ is a space)")
i, j = np.unravel_index(pairs.argmax(), pairs.shape)
print(f"the commonest pair is {common[i] + common[j]!r}: {pairs.max():,} times")

# %% [markdown]
# A dark cell is a pair that the model must learn to expect: a space follows `e`, and `h` follows `t`.
#
# **Try:** `from common.text.corpus import load_corpus`, and `corpus = load_corpus()` in place of it,
# for the real plays (downloaded once), or `load_corpus("my.txt")` for a text of your own. With the plays,
# the optimum in section 6 comes out the same to the last digit. Why?
#
# <details><summary>Answer</summary>
#
# The optimum depends on the counts of pairs alone, and the stand-in has exactly the counts of the plays.
#
# </details>

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
# **Try:** `encode("café")`. How should a tokenizer treat a character it has never seen? Then try
# `tokenizer.encode("café")`.
#
# <details><summary>Answer</summary>
#
# Ours raises `KeyError: 'é'`. `CharTokenizer` raises an error that names the character. A larger tokenizer
# keeps an id for unknown characters, or falls back to bytes, which can spell everything.
#
# </details>

# %% [markdown]
# ## 3. Batches
#
# The whole text becomes one long row of ids. The model learns from the first 90 %. The rest is kept aside:
# only text that the model has not seen shows whether it has learned the language or this text by heart.

# %%
data = np.array(encode(text))
cut = int(0.9 * len(data))
train_data, val_data = data[:cut], data[cut:]
print(f"data: shape {data.shape}, {data.dtype};  train {len(train_data):,}, validation {len(val_data):,}")

# %% [markdown]
# Every step learns from a few random windows of it. With `batch_size` B windows of `block_size` T
# characters, the inputs `x` and the targets `y` both have shape (B, T), and `y` is `x` one character
# further on: `y[b, t]` follows `x[b, t]`. So one window holds T questions with their answers.


# %%
def get_batch(data, batch_size, block_size, rng):
    # A window and its last answer take block_size + 1 characters, so this is where the last can start:
    last = len(data) - block_size - 1
    starts = rng.integers(last + 1, size=batch_size)  # `integers` excludes its upper end
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
#
# <details><summary>Answer</summary>
#
# For a bigram model there is none: 32 pairs in both cases. A model that looks further back sees at most one
# character in the first batch, and up to 32 in the second.
#
# </details>

# %% [markdown]
# ## 4. The model
#
# It is one table W of shape (V, V). Row i holds a score for every character that could follow character i.
# Scores are called **logits**; they can be any number. **Softmax** makes probabilities of a row:
# exponentials, divided by their sum. `nn.Embedding` is such a table, and looking up a row is all it does.
#
# The **loss** of one pair is −log p, with p the probability that the model gave to the true next character.
# If the model was sure and right, the loss is 0. If it thought the character impossible, it is infinite. The
# loss of a batch is the mean over all its B · T pairs. The logarithm is natural; its unit is the *nat*.


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
            idx = torch.cat([idx, idx_next], dim=1)  # (B, T + 1): the new character is read next
        return idx


torch.manual_seed(1337)
model = BigramLanguageModel(V)
logits, loss = model(torch.from_numpy(x), torch.from_numpy(y))
print(model)
print(f"{sum(p.numel() for p in model.parameters()):,} parameters = {V} x {V}")
print(f"x {tuple(x.shape)} -> logits {tuple(logits.shape)}, loss {loss.item():.4f}")

# %% [markdown]
# Is that a bad loss? If every character were equally likely, p would be 1 / V each time and the loss ln V.
# A table of zeros does exactly that. The fresh table is worse: its scores are random, so it has opinions,
# and they are wrong. By how much can be worked out. The scores are drawn from N(0, 1), and the mean of e^z
# is then √e. So the sum of V of them is near V√e, and its logarithm near ln V + ½. The logarithm bends
# down, which takes off (e − 1) / (2V). The score of the true character is 0 on average. So the first loss is
#
# $$\ln V + \frac{1}{2} - \frac{e - 1}{2V}$$

# %%
with torch.no_grad():
    zeros = BigramLanguageModel(V)
    zeros.token_embedding_table.weight.zero_()
    _, flat = zeros(torch.from_numpy(x), torch.from_numpy(y))
tables = np.random.default_rng(5).standard_normal((300, V, V))
first = (np.log(np.exp(tables).sum(axis=2)) - tables.mean(axis=2)).mean()
print(f"a table of zeros: {flat.item():.4f}    ln V: {np.log(V):.4f}")
print(f"300 random tables: {first:.3f}    the formula: {np.log(V) + 0.5 - (np.e - 1) / (2 * V):.3f}")

# %% [markdown]
# A loss in nats is hard to picture. **e^loss** is easier: it is the number of equally likely characters that
# would be as hard to guess. A table of zeros chooses among all 65; the random one does worse than that, as if
# there were 106 characters.

# %%
for name, nats in [("zeros", np.log(V)), ("random", first)]:
    print(f"{name:7} {nats:.2f} nats = {np.exp(nats):.0f} equally likely choices")

# %% [markdown]
# `generate` writes: it draws a character from the row of the last one, appends it, and goes on from there.
# A model that feeds on its own words like this is called *autoregressive*. It starts from a newline, id 0.

# %%
start = torch.zeros((1, 1), dtype=torch.long)
print(decode(model.generate(start, max_new_tokens=100)[0].tolist()))

# %% [markdown]
# **Try:** multiply the table by 10 (`model.token_embedding_table.weight.data *= 10`). The opinions are the
# same, but held ten times as strongly. What happens to the loss, and to the text?
#
# <details><summary>Answer</summary>
#
# The loss of the random table rises from about 4.7 to about 23, for a wrong opinion held strongly costs
# much. The text becomes repetitive: from each character nearly all the probability goes to one or two others.
#
# </details>

# %% [markdown]
# ## 5. Training
#
# Five lines make a step: a batch, the loss, forgetting the old gradient, the new gradient, the update.
# Autograd finds the gradient: the derivative of the loss with respect to each of the V · V numbers in the
# table. AdamW takes the step.
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
    optimizer.zero_grad(set_to_none=True)  # .grad accumulates: the old gradient must go
    loss.backward()
    optimizer.step()
    torch_losses.append(loss.item())

# %%
figure, axes = plt.subplots(figsize=(8, 3))
axes.plot(torch_losses, lw=0.3, label="each batch")
axes.plot(
    np.arange(50, steps, 100), np.reshape(torch_losses, (-1, 100)).mean(axis=1), lw=2, label="mean of 100"
)
axes.set(xlabel="step", ylabel="loss in nats", title="the loss while training")
_ = axes.legend(frameon=False)

# %%
print(decode(model.generate(start, max_new_tokens=500)[0].tolist()))

# %% [markdown]
# It has learned which letters end a word, that a space or a newline follows a full stop, that capitals
# like company. It has also kept some of the noise of its first table. Compare it with the passage in
# section 1: a perfect bigram model writes like that.
#
# **Try:** a learning rate of `1e-2`. Then of `10`.
#
# <details><summary>Answer</summary>
#
# With `1e-2` the training loss ends near 2.46. With `10` it ends near 4.7, no better than the random table.
# Section 11 draws the whole curve.
#
# </details>

# %% [markdown]
# ## 6. How good can it get?
#
# Training stopped above 2.5 nats. Is that good? For this model the answer can be worked out. Count how
# often character j follows character i: that is the matrix **C**, (V, V). The best probabilities after i are
# the frequencies of the text, `C[i, j] / n[i]`, with n the row sums. No table that sees only i can beat them
# on these pairs.

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
print(
    f"the least loss of any bigram table: {optimum:.4f} nats = {np.exp(optimum):.1f} equally likely choices"
)
print(f"this one, exactly:                  {exact_loss(W):.4f} nats = {np.exp(exact_loss(W)):.1f}")
q, u = stoi["q"], stoi["u"]
p = np.exp(W[q]) / np.exp(W[q]).sum()
print(f"'u' after 'q': {C[q, u]} of {n[q, 0]} times; the model says {p[u]:.0%}")

# %% [markdown]
# The counts and the table, side by side: after training, softmax of the table (right) looks like the
# frequencies (left). And the loss comes down towards the optimum and has not arrived yet.

# %%
figure, (left, middle, right_axes) = plt.subplots(
    1, 3, figsize=(12, 4), width_ratios=[1, 1, 1.2], layout="compressed"
)
for axes, shown, title in [
    (left, C / n, "frequencies C / n"),
    (middle, np.exp(W) / np.exp(W).sum(axis=1, keepdims=True), "softmax of the table W"),
]:
    axes.imshow(np.sqrt(shown), cmap="Blues", vmin=0, vmax=1)
    axes.set(title=title, xticks=range(0, V, 4), yticks=range(0, V, 4))
    axes.set_xticklabels([visible(ch) for ch in chars[::4]], fontsize=7)
    axes.set_yticklabels([visible(ch) for ch in chars[::4]], fontsize=7)
right_axes.plot(
    np.arange(50, steps, 100),
    np.reshape(torch_losses, (-1, 100)).mean(axis=1),
    label="training loss, mean of 100",
)
right_axes.axhline(optimum, color="black", ls="--", label=f"optimum {optimum:.4f}")
right_axes.axhline(np.log(V), color="grey", ls=":", label=f"ln V = {np.log(V):.4f}")
right_axes.set(xlabel="step", ylabel="nats")
_ = right_axes.legend(frameon=False, fontsize=8)

# %% [markdown]
# So this model is only counting, and counting needs no gradient. We train it to see how training works where
# the best answer is known. That is worth a lot: when a large model is stuck at some loss, no one can tell
# whether that is a mistake or the best there is.
#
# **Try:** `exact_loss(np.log(C + 1))`, with one added to each count. It is a little above the optimum. On
# which text might it be better all the same? (What would `np.log(C)` say of a pair that it has never seen?)
#
# <details><summary>Answer</summary>
#
# It is 0.0027 above the optimum on the training text, and better on text that was not counted: `np.log(C)`
# calls a pair impossible that it has never seen, and one such pair makes the validation loss infinite. With
# one added it is 2.48.
#
# </details>

# %% [markdown]
# ## 7. The gradient, found
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
# the mean. The largest logit of a row is subtracted first. That changes no probability, and keeps `exp` from
# overflowing.

# %%
N = len(idx)


def forward(W):
    logits = W[idx]  # (N, V)
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)  # (N, V), each row adds up to 1
    picked = p[np.arange(N), targets]  # (N,)
    return -np.log(picked).mean(), p


loss, p = forward(W)
print("p =\n", p)
print("p of the targets:", p[np.arange(N), targets], "  loss:", round(loss, 4))

# %% [markdown]
# **One entry.** A gradient is a slope: by how much does the loss move for each unit that an entry of W
# moves? So move one entry by a small h and look. The loss after `h` should fall when the score of `e`
# rises, for `e` came after `h`.

# %%
h = 1e-6
moved = W.copy()
moved[small.stoi["h"], small.stoi["e"]] += h
print(f"slope of W[h, e]: {(forward(moved)[0] - loss) / h:.4f}")

# %% [markdown]
# **All entries**, one after the other:

# %%
slopes = np.zeros_like(W)
for i in range(4):
    for j in range(4):
        moved = W.copy()
        moved[i, j] += h
        slopes[i, j] = (forward(moved)[0] - loss) / h
print("slopes =\n", slopes)

# %% [markdown]
# That is a gradient, and it cost one forward pass for every entry: 16 here, 4,225 for our model, billions for
# a large one. There must be a rule. Row `h` was used by one token alone, so take that row, undo the mean
# (times N), and put the probabilities beside it:

# %%
row = small.stoi["h"]
print("N × slopes[h]         ", N * slopes[row])
print("p after h             ", p[0])
print("N × slopes[h] − p     ", N * slopes[row] - p[0], "  e has", small.stoi["e"])

# %% [markdown]
# The difference is −1 at the target and 0 elsewhere. So the slopes of one token are **p minus one-hot**: the
# expected less the observed. The derivation is two lines. The loss of a token is
# −log p[y] = log Σ exp(z) − z[y]. The derivative of the first part with respect to z[j] is
# exp(z[j]) / Σ exp(z), which is p[j]; that of the second is −1 at j = y, else 0.
#
# Each token has one N-th of it, since the loss is a mean:

# %%
dlogits = p.copy()
dlogits[np.arange(N), targets] -= 1
dlogits /= N
print("dlogits =\n", dlogits)
print("every row adds up to 0:", np.allclose(dlogits.sum(axis=1), 0))

# %% [markdown]
# As a picture: training moves *against* the gradient, so it pulls the score of the target up and pushes all
# others down, each by its probability. Push and pull cancel in every row.

# %%
figure, panels = plt.subplots(1, 4, figsize=(10, 2.5), sharey=True, layout="compressed")
for k, axes in enumerate(panels):
    axes.bar(list(small.vocab), -N * dlogits[k], color=np.where(dlogits[k] < 0, "#0072b2", "#d55e00"))
    axes.axhline(0, color="black", lw=0.8)
    axes.set_title(f"after {small.vocab[idx[k]]} came {small.vocab[targets[k]]}")
_ = panels[0].set_ylabel("pull up, push down")

# %% [markdown]
# **Backward, to the table.** Each row of `dlogits` goes back to the row of W that was looked up. Both `l`
# used row 2, so row 2 gets *both*, added. Here is the line that most people write first, and beside it one
# that works:

# %%
lost, dW = np.zeros_like(W), np.zeros_like(W)
lost[idx] += dlogits  # reads every row once, adds, writes once: of two l's only the last stays
np.add.at(dW, idx, dlogits)  # adds each in turn
row = small.stoi["l"]
print("from the first l ", dlogits[2])
print("from the second  ", dlogits[3])
print("with +=          ", lost[row])
print("with np.add.at   ", dW[row])
print("slopes           ", slopes[row])

# %% [markdown]
# And autograd, the referee:

# %%
W_torch = torch.tensor(W, requires_grad=True)
F.cross_entropy(W_torch[torch.from_numpy(idx)], torch.from_numpy(targets)).backward()
right = W_torch.grad.numpy()
print(f"slopes,          largest difference from autograd: {abs(slopes - right).max():.0e}")
print(f"with np.add.at,  largest difference from autograd: {abs(dW - right).max():.0e}")
print(f"with +=,         largest difference from autograd: {abs(lost - right).max():.3f}")
assert np.allclose(dW, right, rtol=0, atol=1e-15)

# %% [markdown]
# **Try:** leave out `dlogits /= N`, and look at the difference again (the assert will object). Then leave it
# out in section 10, take the asserts there away, and train with such a gradient. Does the loss fall?
#
# <details><summary>Answer</summary>
#
# The gradient is four times too large here, 256 times in section 10, and the loss falls as if it were
# right: AdamW divides each gradient by its own size. A falling loss proves nothing; this is why this
# project exists.
#
# </details>

# %% [markdown]
# ## 8. Backward, one operation at a time
#
# The short rule hides the chain. Cut the loss into single operations with a name each, and walk back
# through them: every step takes the gradient of its result, multiplies by its own small derivative, and
# hands it on. [`impl_numpy/stepwise.py`](../impl_numpy/stepwise.py) has each forward with its backward
# below it. Here they are called one by one, on a real batch and a random table, and each is compared with
# autograd in one line.

# %%
from impl_numpy import stepwise

W_batch = table.astype(np.float64)
xb, yb = (ids.ravel() for ids in get_batch(train_data, batch_size, block_size, np.random.default_rng(6)))
values = stepwise.forward(W_batch, xb, yb)

# The same operations in PyTorch, each tensor told to keep its gradient.
named = {"W": torch.tensor(W_batch, requires_grad=True)}
named["logits"] = named["W"][torch.from_numpy(xb)]
named["z"] = named["logits"] - named["logits"].max(dim=1, keepdim=True).values
named["e"] = named["z"].exp()
named["s"] = named["e"].sum(dim=1)
named["log_s"] = named["s"].log()
named["logp"] = named["z"] - named["log_s"][:, None]
named["picked"] = named["logp"][range(len(yb)), torch.from_numpy(yb)]
for tensor in named.values():
    tensor.retain_grad()
(-named["picked"].mean()).backward()


def cmp(name, mine):
    theirs = named[name].grad.numpy()
    exact, near = np.array_equal(mine, theirs), np.allclose(mine, theirs)
    print(f"d{name:7} exact: {exact!s:5}  approximate: {near!s:5}  max diff: {abs(mine - theirs).max():.0e}")


dpicked = stepwise.mean_loss_backward(np.float64(1), values["picked"])  # −1/N each
cmp("picked", dpicked)
dlogp = stepwise.pick_backward(dpicked, values["logp"], yb)  # only the target's entry was used
cmp("logp", dlogp)
dz, dlog_s = stepwise.normalise_backward(dlogp)  # logp = z − log_s: to z with +1, to log_s with −1
cmp("log_s", dlog_s)
ds = stepwise.logarithm_backward(dlog_s, values["s"])  # the derivative of log s is 1 / s
cmp("s", ds)
de = stepwise.row_sum_backward(ds, values["e"])  # every e counts once in the sum
cmp("e", de)
dz = dz + stepwise.exponential_backward(de, values["e"])  # z was used twice, in logp and in e: they add
cmp("z", dz)
dlogits_batch = stepwise.shift_backward(dz)  # nothing flows through the maximum
cmp("logits", dlogits_batch)
dW_batch = stepwise.lookup_backward(dlogits_batch, W_batch, xb)  # repeated characters add
cmp("W", dW_batch)

# %% [markdown]
# Everywhere *approximate* is true; *exact* is true at first and then false. Nothing is wrong. The first
# gradients are copies of −1/N and sums of one number, so both sides give the same bits. From the first
# division on both sides round, and they round in another order, by up to one part in 2⁵³ each time. dlogits
# differs a little more: PyTorch also sends the sum of dz through the maximum. On paper that sum is 0;
# rounded, it is about 1e-18.
#
# How large a difference may be is [derived](bound.md) for every entry. `np.allclose`, which decides
# *approximate* here, is more patient: it accepts any error below 1e-8.

# %%
p_batch = values["e"] / values["s"][:, None]
p_batch[np.arange(len(yb)), yb] -= 1
print(f"all eight steps against p minus one-hot over N: {abs(dlogits_batch - p_batch / len(yb)).max():.0e}")

# %% [markdown]
# **Try:** break one step, for example `dz = stepwise.exponential_backward(de, values["e"])`, without the
# other part. Which lines of the comparison change, and which do not?
#
# <details><summary>Answer</summary>
#
# dz, dlogits and dW become wrong; dpicked, dlogp, dlog_s, ds and de stay right, for they come before it on
# the way back. The first line that is wrong names the step with the mistake.
#
# </details>

# %% [markdown]
# ## 9. AdamW, by hand
#
# Plain gradient descent would take `W -= lr * dW`. AdamW does three more things. It keeps a running mean
# `m` of the gradient, so that noise averages out. It keeps a running mean `v` of its square and divides by
# the root, so that every number in the table moves at its own pace, however large its gradient. And
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
# In the first step m / √v is the sign of the gradient: every entry that has a gradient moves by lr, be
# it large or small. (The decay moves it by lr · 0.01 of its own size, too little to show here.) So AdamW
# hardly notices when a gradient is 256 times too large.
#
# **Try:** `AdamW(before, lr).step(before, 1000 * dW)`, and compare `before` with `W`. Then give it
# `dW + 1e-9`: what happens in row `o`, which nothing looked up? (Compare 1e-9 with eps.)
#
# <details><summary>Answer</summary>
#
# With 1,000 times the gradient the rows move as before, to six digits. With 1e-9 added, row `o` moves too, by
# 1e-9 / (1e-9 + 1e-8) = 9 % of lr: eps, 1e-8, is the size below which AdamW takes a gradient for zero.
#
# </details>

# %% [markdown]
# ## 10. Both, side by side
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
# two *correct* programs may be [can be derived](bound.md), and the command `bigram compare` holds every
# number of such a run against that bound. The project has the same functions:
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
# From the same random draws the two write the same text. `multinomial` would draw for PyTorch alone, so here
# both use a plain recipe: add the probabilities up, and take the first character at which the sum passes
# the draw.


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
#
# <details><summary>Answer</summary>
#
# It falls, to about 2.73 instead of 2.56: the gradient is 92 % off, and the curve looks healthy.
# The text looks as bad as before.
#
# </details>

# %% [markdown]
# ## 11. A good learning rate
#
# We know the optimum, so we can measure how far each learning rate is above it after 5,000 steps. The
# project's own training step makes this quick: it computes the same update in fewer passes.

# %%
from common.config import Config
from impl_numpy.fast.trainer import trainer_for

rates = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1]
above = []
for rate in rates:
    trainer = trainer_for(table.copy(), Config(lr=rate))
    batcher = Batcher(train_data, batch_size, block_size, np.random.default_rng(0))
    for _ in range(steps):
        trainer.step(*batcher.get_batch())
    above.append(exact_loss(trainer.model.token_embedding_table.astype(np.float64)) - optimum)
    print(f"lr {rate:g}: {above[-1]:.3f} nats above the optimum")
figure, axes = plt.subplots(figsize=(8, 3))
axes.loglog(rates, above, "o-")
_ = axes.set(xlabel="learning rate", ylabel="nats above the optimum", title="after 5,000 steps")

# %% [markdown]
# Too small, and 5,000 steps do not suffice: an entry moves by about lr a step, and some must move by 5 or
# more. Too large, and the table jumps around the optimum, because every batch is a sample and pulls
# elsewhere. The best rate, 1e-2, is ten times the one that we used.
#
# **Try:** the same with 500 steps. Does the best rate rise or fall? What would a rate that falls during
# training do?
#
# <details><summary>Answer</summary>
#
# It rises: to get as far in a tenth of the steps, each must be larger. A falling rate has both: large steps
# while the table is far off, small ones near the end, where the jumps are all that is left of the loss.
#
# </details>

# %% [markdown]
# ## 12. The same gradient, from counts
#
# One more form, because it explains the optimum. All tokens with the same character i look up the same row
# and share its p[i]. Let the batch hold i n[i] times, and C[i, j] of these times followed by j. Add up their
# *p minus one-hot*:
#
# $$dW_{ij} = \frac{n_i \, p_{ij} - C_{ij}}{N}$$
#
# Expected less seen. Each token is only counted; the rest is one table of work, for 256 tokens as for a
# million. And the formula says where training ends: where p = C / n, the frequencies of the text. That is
# section 6 again.

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
#
# <details><summary>Answer</summary>
#
# Below 1e-13: expected and seen are equal but for the 1e-9 and rounding. That is the optimum, found without a
# single step of training.
#
# </details>

# %% [markdown]
# ## 13. Let the doctor look
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
#
# <details><summary>Answer</summary>
#
# Most are, if they are in the catalogue of the doctor; any other is called wrong and described: on which
# case, in which entry, by what factor.
#
# </details>

# %% [markdown]
# ## Where to go from here
#
# * **Write it yourself.** [Six exercises](exercises/exercises.ipynb), from softmax to AdamW, each
#   checked by a program that names the mistake when there is one.
# * **With a pencil.** [The derivation](derivation.md) takes every step that this page left out.
# * **The whole comparison.** `bigram compare` trains both models and compares every loss, gradient, moment
#   and weight; `bigram compare --plot pictures` draws it.
# * **Your own gradient.** [Check your own code](check.md): from Python, in tests, optimizers and kernels;
#   `bigram check mine.py:loss_and_gradient` on the command line.
# * **The code.** [Reading order](reading.md), file by file. **[Questions](questions.md)** that people ask.
