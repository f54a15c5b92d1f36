"""torch's contenders: the reference as it stands in ``impl_torch``, and its faster forms, which do
not belong there: ``torch.compile``, pair counts, and the CUDA graph of a whole step.

Every tensor is on its device beforehand; the timed part fetches no loss and converts no array.
"""

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch._dynamo.exc import BackendCompilerFailed
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.harness import interleave
from benchmarks.harness.interleave import Job, Unavailable, last_result
from benchmarks.harness.work import BLOCK_SIZE, FORMS, SEED, Form, Work, chunks
from common.config import Config
from impl_torch.model import NO_TARGET
from impl_torch.trainer import TorchTrainer


def device_of(form: Form) -> torch.device:
    """The form's device; ``Unavailable`` where there is none."""
    modules: dict[str, Any] = {"cuda": torch.cuda, "mps": torch.backends.mps}
    if form.device in modules and not modules[form.device].is_available():
        raise Unavailable(f"torch finds no {form.device} device here")
    return torch.device(form.device)


def paced(form: Form, run: Callable[[int], object], result: Callable[[], Any], **info: Any) -> Job:
    """A job that waits after every call, for ``latency``, or once a round."""
    waits: dict[str, Any] = {"cuda": torch.cuda.synchronize, "mps": torch.mps.synchronize}
    wait = waits.get(form.device, lambda: None)  # on a CPU nothing is pending
    if form.pace == "latency":

        def run_and_wait(i: int) -> None:
            run(i)
            wait()

        return Job(run_and_wait, result, wait, info)
    return Job(run, result, wait, info)


def batches_on(work: Work, device: torch.device) -> list[tuple[Tensor, Tensor]]:
    """The batches as tensors."""
    return [
        (torch.tensor(x, device=device), torch.tensor(y, device=device)) for x, y in work.batches
    ]


class Reference(NamedTuple):
    """The reference at the first table, and the batches, on the device of a form."""

    form: Form
    kind: str
    trainer: TorchTrainer
    W: Tensor
    batches: list[tuple[Tensor, Tensor]]


def reference(work: Work, name: str) -> Reference:
    """For the form of that name."""
    form = FORMS[name]
    device = device_of(form)
    trainer = TorchTrainer(work.table, work.config, form.device)
    W = trainer.model.token_embedding_table.weight
    return Reference(form, kind_of(name), trainer, W, batches_on(work, device))


def adamw(parameters: list[Any], config: Config, **options: Any) -> torch.optim.AdamW:
    """torch's AdamW with the hyperparameters of ``config``."""
    return torch.optim.AdamW(
        parameters, config.lr, config.betas, config.eps, config.weight_decay, **options
    )


# Loss and gradient by pair counts, as in impl_numpy/pair_counts.py.


def count(idx: Tensor, targets: Tensor, rows: int, vocab_size: int) -> Tensor:
    """(rows, V) float32 counts. On a CPU ``bincount``; elsewhere it would wait for the device to
    learn its size."""
    cells = (idx * vocab_size + targets).flatten()
    if idx.device.type == "cpu":
        C = torch.bincount(cells, minlength=rows * vocab_size).to(torch.float32)
    else:
        C = torch.zeros(rows * vocab_size, device=idx.device)
        C.index_add_(0, cells, torch.ones(cells.shape, device=idx.device))
    return C.view(rows, vocab_size)


def loss_and_gradient_of_counts(W: Tensor, C: Tensor, N: int) -> tuple[Tensor, Tensor]:
    """The mean loss and (n p - C) / N, made in place of log p."""
    logp = torch.log_softmax(W, dim=1)
    loss = -(C * logp).sum() / N
    dW = logp.exp_()
    dW *= C.sum(dim=1, keepdim=True)
    dW -= C
    dW /= N
    return loss, dW


def pair_counts(W: Tensor, idx: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Over the whole table."""
    return loss_and_gradient_of_counts(W, count(idx, targets, len(W), len(W)), idx.numel())


def pair_counts_rows(W: Tensor, idx: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Over the rows that occur; the others of dW are zero."""
    rows, place = torch.unique(idx, return_inverse=True)
    loss, some = loss_and_gradient_of_counts(
        W[rows], count(place, targets, len(rows), len(W)), idx.numel()
    )
    dW = torch.zeros_like(W)
    dW[rows] = some
    return loss, dW


COUNTED = {"pair-counts": pair_counts, "pair-counts-rows": pair_counts_rows}


def mean_loss(W: Tensor, idx: Tensor, targets: Tensor) -> Tensor:
    """The model as a function of its table, for ``torch.func``."""
    logits = F.embedding(idx, W)
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=NO_TARGET)


# The whole training step.


def step(work: Work, name: str) -> Job:
    """A step of each kind; see ``work.FORMS``."""
    if kind_of(name) in ("compiled-step", "pair-counts-compiled"):
        return compiled_step(work, name)
    if kind_of(name) == "graph":
        return graph_step(work, name)
    form, kind, trainer, W, batches = reference(work, name)
    if kind == "compiled" and form.device == "cpu" and work.batches[0][0].size > 256:
        raise Unavailable(
            "the whole step compiled is faster here, and compiling both takes minutes"
        )
    model: Any = trainer.model
    optimizer = (
        trainer.optimizer if kind in ("eager", "compiled") else adamw([W], work.config, fused=True)
    )
    take: Any = optimizer.step

    if kind in COUNTED:
        gradient = COUNTED[kind]

        @torch.no_grad()
        def run(i: int) -> None:
            _, W.grad = gradient(W, *batches[i % len(batches)])
            take()

    else:

        def run(i: int) -> None:
            _, loss = model(*batches[i % len(batches)])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            take()

    info: dict[str, Any] = {}
    if kind == "compiled":
        with compiling() as info:
            model, take = torch.compile(model, dynamic=False), torch.compile(optimizer.step)
            run(0)
    else:
        with Operators() as counted:
            run(0)
        info["operators"] = counted.calls
    restore(W, optimizer, work)
    return paced(form, run, lambda: on_cpu(W), **info)


class Operators(TorchDispatchMode):
    """Counts the operators that torch dispatches, those of the backward pass included."""

    calls = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls += 1
        return func(*args, **(kwargs or {}))


def compiled_step(work: Work, name: str) -> Job:
    """Gradient and AdamW in one compiled function. Counting stays outside: inductor fails on it."""
    form, kind, _, weight, batches = reference(work, name)
    config, W, N = work.config, weight.detach(), work.batches[0][0].size
    t = torch.zeros((), dtype=torch.float64, device=W.device)
    moments = [torch.zeros_like(W), torch.zeros_like(W), t]
    counted = kind == "pair-counts-compiled"

    def update(W: Tensor, m: Tensor, v: Tensor, t: Tensor, dW: Tensor) -> None:
        beta1, beta2 = config.betas
        t += 1
        W.mul_(1 - config.lr * config.weight_decay)
        m.lerp_(dW, 1 - beta1)
        v.mul_(beta2).addcmul_(dW, dW, value=1 - beta2)
        step_size = (config.lr / (1 - beta1**t)).to(W.dtype)
        W.sub_(step_size * m / (v.sqrt() / (1 - beta2**t).sqrt().to(W.dtype) + config.eps))

    def from_tokens(
        W: Tensor, m: Tensor, v: Tensor, t: Tensor, idx: Tensor, targets: Tensor
    ) -> Tensor:
        dW, loss = torch.func.grad_and_value(mean_loss)(W, idx, targets)
        update(W, m, v, t, dW)
        return loss

    def from_counts(W: Tensor, m: Tensor, v: Tensor, t: Tensor, C: Tensor, n: Tensor) -> Tensor:
        logp = torch.log_softmax(W, dim=1)
        update(W, m, v, t, (n * logp.exp() - C) / N)
        return -(C * logp).sum() / N

    function: Any = from_counts if counted else from_tokens

    @torch.no_grad()
    def run(i: int) -> None:
        batch = batches[i % len(batches)]
        if counted:
            C = count(*batch, len(W), len(W))
            batch = C, C.sum(dim=1, keepdim=True)
        function(W, *moments, *batch)

    with compiling() as info:
        function = torch.compile(function, dynamic=False)
        run(0)
    W.copy_(torch.tensor(work.table))
    for moment in moments:
        moment.zero_()
    return paced(form, run, lambda: on_cpu(W), **info)


def graph_step(work: Work, name: str) -> Job:
    """The textbook step captured once as a CUDA graph and replayed: one launch a step. Everything
    it touches stays where it is: the batch is copied into static tensors, and AdamW counts its
    steps on the device."""
    form, _, trainer, W, batches = reference(work, name)
    optimizer = adamw([W], work.config, fused=True, capturable=True)
    idx, targets = (tensor.clone() for tensor in batches[0])

    def once() -> None:
        optimizer.zero_grad(set_to_none=True)
        trainer.model(idx, targets)[1].backward()
        optimizer.step()

    # Lazy initialisation must be over before the capture, and may not run on the capturing stream.
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            once()
    torch.cuda.current_stream().wait_stream(side)
    # so that the capture takes the gradient from its own memory
    optimizer.zero_grad(set_to_none=True)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        once()
    restore(W, optimizer, work)

    def run(i: int) -> None:
        x, y = batches[i % len(batches)]
        idx.copy_(x)
        targets.copy_(y)
        graph.replay()

    return paced(form, run, lambda: on_cpu(W))


@contextlib.contextmanager
def compiling() -> Iterator[dict[str, Any]]:
    """As ``interleave.compiling``. ``Unavailable`` where the compiler fails, most likely for want
    of a C++ compiler; any other exception is an error of ours."""
    try:
        with warnings.catch_warnings(), interleave.compiling() as info:
            warnings.simplefilter("ignore")  # these warnings are about modules of torch
            yield info
    except BackendCompilerFailed as error:
        cause = error.inner_exception
        first_line = str(cause).strip().partition("\n")[0]
        raise Unavailable(
            f"torch.compile fails here: {type(cause).__name__}: {first_line}"
        ) from error


def forget() -> None:
    """Drops the compiled functions of the last group: torch compiles a function only a few
    times."""
    if "torch._dynamo" in sys.modules:
        torch._dynamo.reset()


@torch.no_grad()
def restore(W: Tensor, optimizer: torch.optim.Optimizer, work: Work) -> None:
    """Back to the first table and empty moments, each in its place."""
    W.copy_(torch.tensor(work.table))
    for tensor in optimizer.state[W].values():
        tensor.zero_()


# Parts of the step.


def gradient(work: Work, name: str) -> Job:
    """Loss and gradient."""
    form, kind, trainer, W, batches = reference(work, name)
    last: list[Any] = [None]

    if kind in COUNTED:

        @torch.no_grad()
        def run(i: int) -> None:
            last[0], W.grad = COUNTED[kind](W, *batches[i % len(batches)])

    else:

        def run(i: int) -> None:
            W.grad = None
            _, loss = trainer.model(*batches[i % len(batches)])
            loss.backward()
            last[0] = loss.detach()

    return paced(form, run, lambda: (float(last[0]), on_cpu(W.grad)))


def forward(work: Work, name: str) -> Job:
    """The mean loss of a batch; per token the logits too, (B, T, V)."""
    form, kind, trainer, W, batches = reference(work, name)

    def loss(i: int) -> Tensor:
        idx, targets = batches[i % len(batches)]
        if kind == "pair-counts":
            C = count(idx, targets, len(W), len(W))
            return -(C * torch.log_softmax(W, dim=1)).sum() / idx.numel()
        return trainer.model(idx, targets)[1]

    job = last_result(loss if kind == "recorded" else torch.no_grad()(loss))
    return paced(form, job.run, lambda: float(job.result().detach()))


def optimizer_step(work: Work, gradients: list[np.ndarray], name: str) -> Job:
    """AdamW alone."""
    form = FORMS[name]
    device = device_of(form)
    W = nn.Parameter(torch.tensor(work.table, device=device))
    optimizer = adamw([W], work.config, fused=kind_of(name) == "fused" or None)
    given = [torch.tensor(dW, device=device) for dW in gradients]

    def run(i: int) -> None:
        W.grad = given[i % len(given)]
        optimizer.step()

    return paced(form, run, lambda: on_cpu(W))


# The work around the step.


def sampling(tokens: np.ndarray, batch_size: int, name: str) -> Job:
    """As the published schedule draws its batches, or all windows with one index."""
    torch.manual_seed(SEED)
    data = torch.tensor(tokens, dtype=torch.long)
    offsets = torch.arange(BLOCK_SIZE + 1)

    def stack(_: int) -> Any:
        starts = torch.randint(len(data) - BLOCK_SIZE, (batch_size,))
        x = torch.stack([data[i : i + BLOCK_SIZE] for i in starts])
        y = torch.stack([data[i + 1 : i + BLOCK_SIZE + 1] for i in starts])
        return x, y

    def index(_: int) -> Any:
        starts = torch.randint(len(data) - BLOCK_SIZE, (batch_size,))
        windows = data[starts[:, None] + offsets]
        return windows[:, :-1], windows[:, 1:]

    return last_result(stack if name == "torch-slicing" else index)


def evaluation(
    tables: Sequence[np.ndarray], tokens: np.ndarray, counts: np.ndarray, name: str
) -> Job:
    """The reference's own evaluation from counts, or its model over all tokens."""
    trainers = [TorchTrainer(table, Config()) for table in tables]
    if name == "torch-pair-counts":
        return last_result(lambda i: trainers[i % len(tables)].evaluate(counts))
    data = torch.tensor(tokens, dtype=torch.long)

    @torch.no_grad()
    def by_token(i: int) -> float:
        model, total = trainers[i % len(tables)].model, 0.0
        for idx, targets in chunks(data):
            logits, _ = model(idx[None])
            total += float(F.cross_entropy(logits[0], targets, reduction="sum"))
        return total / (len(data) - 1)

    return last_result(by_token)


def generation(W: np.ndarray, draws: Sequence[np.ndarray], name: str) -> Job:
    """The reference's loop, with the draws all contenders get or with torch's own."""
    torch.manual_seed(SEED)
    model = TorchTrainer(W, Config()).model
    start, length = torch.zeros((1, 1), dtype=torch.long), draws[0].size
    uniforms = [torch.tensor(draw) if name == "torch-generate" else None for draw in draws]
    return last_result(lambda i: model.generate(start, length, uniforms[i % len(draws)]))


def empty_call() -> Callable[[int], object]:
    """A call of the smallest operator."""
    x = torch.ones(1)
    return lambda _: torch.mul(x, x)


def kind_of(name: str) -> str:
    """``cuda-compiled-step-latency`` is of the kind ``compiled-step``."""
    return name.partition("-")[2].removesuffix("-latency").removesuffix("-throughput")


def on_cpu(tensor: Tensor | None) -> np.ndarray:
    """As a NumPy array, copied."""
    assert tensor is not None
    return tensor.detach().cpu().numpy().copy()
