"""A training run as an object: begun or resumed, iterated, and made into a checkpoint."""

import math
from collections.abc import Callable, Iterator

import numpy as np

from bigram.runs.checkpoint import Checkpoint
from bigram.runs.folder import RunFolder
from bigram.runs.records import Sample, TrainRecord, corpus_record, sample_draws, sample_start
from bigram.runs.report import evaluation_line
from bigram.terminal import plural
from common.arrays import Array
from common.config import Config
from common.errors import DivergedError
from common.text.corpus import Corpus
from common.training import Evaluation, Progress, Trainer, initial_table, train


class Run:
    """One model on its way through a schedule. Iterating it trains: each ``Progress`` is one more
    state."""

    step: int | None = None  # updates made; None before the first state is reported
    saved: str | None = None  # the newest checkpoint that this process wrote

    def __init__(
        self,
        corpus: Corpus,
        config: Config,
        make_trainer: Callable[[Array, Config], Trainer],
        checkpoint: Checkpoint | None = None,
    ) -> None:
        """Begins, or goes on from ``checkpoint``, which is of this ``corpus``: to the same bits as
        if it had never stopped. Raises ``UserError`` as ``common.training.train`` does."""
        self.corpus = corpus
        self.config = config
        self.history: list[Evaluation[float]] = []
        self.rng = np.random.default_rng(config.seed)
        table = initial_table(corpus.tokenizer.vocab_size, config.dtype, self.rng)
        self.evaluation_rng = self.rng.spawn(1)[0]
        self.trainer = make_trainer(checkpoint.table if checkpoint else table, config)
        if checkpoint:
            self.step = checkpoint.step
            self.trainer.restore(checkpoint.exp_avg, checkpoint.exp_avg_sq, checkpoint.step)
            self.rng.bit_generator.state = checkpoint.rng_state
            self.evaluation_rng.bit_generator.state = checkpoint.evaluation_rng_state
        self.resumed_at = self.step
        first = 0 if self.step is None else self.step + 1
        self._states = train(self.trainer, corpus, config, self.rng, self.evaluation_rng, first)

    def __iter__(self) -> Iterator[Progress[float]]:
        """The states that are not reported yet. Raises ``DivergedError`` where a loss is not
        finite."""
        for progress in self._states:
            self.step, loss, evaluation = progress
            self._check_finite("the loss", loss or 0.0)
            if evaluation:
                self._check_finite("the training loss", evaluation.train)
                self._check_finite("the validation loss", evaluation.val)
                self.history.append(evaluation)
            yield progress

    def checkpoint(self) -> Checkpoint:
        """The state now; views that change with the next step. Raises ``DivergedError`` where a
        number in it is not finite."""
        state = self.trainer.state()
        for name, tensor in state._asdict().items():
            self._check_finite(name, tensor)
        return Checkpoint(
            table=state.weight,
            exp_avg=state.exp_avg,
            exp_avg_sq=state.exp_avg_sq,
            step=self.step or 0,
            config=self.config,
            vocab=self.corpus.tokenizer.vocab,
            corpus_name=self.corpus.name,
            corpus_sha256=self.corpus.sha256,
            rng_state=self.rng.bit_generator.state,
            evaluation_rng_state=self.evaluation_rng.bit_generator.state,
        )

    @np.errstate(all="ignore")  # infinities and NaN are looked for, and raise DivergedError
    def finish(
        self,
        folder: RunFolder | None = None,
        say: Callable[[str], object] = lambda line: None,
        on_step: Callable[[int], object] = lambda step: None,
        interrupted: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Takes the steps that are left. ``say`` is given a line for each evaluation, and
        ``folder`` its checkpoint. Returns False where ``interrupted`` ended the run: after the step
        at hand, and saved."""
        for step, _, evaluation in self:
            on_step(step)
            if evaluation:
                say(evaluation_line(*evaluation))
            stop = interrupted()
            if evaluation or stop:
                checkpoint = self.checkpoint()
                if folder:
                    self.saved = str(folder.save(checkpoint))
            if stop:
                return False
        return True

    def record(self, backend: str, seconds: float) -> TrainRecord:
        """The finished run, with a sample of its text."""
        written = self.trainer.generate(sample_start(), sample_draws(self.config, self.rng))[0, 1:]
        return TrainRecord(
            corpus=corpus_record(self.corpus),
            config=self.config,
            backend=backend,
            resumed_at=self.resumed_at,
            step=self.step,
            saved=self.saved,
            history=self.history,
            seconds=seconds,
            sample=Sample(self.corpus.tokenizer.decode(written)),
        )

    def _check_finite(self, name: str, value: float | Array) -> None:
        finite = math.isfinite(value) if isinstance(value, float) else np.isfinite(value).all()
        if not finite:
            after = plural(self.step or 0, "update")
            raise DivergedError(
                f"training diverged: after {after} {name} is not finite; use a smaller lr"
            )
