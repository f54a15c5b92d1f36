"""Proves that the tests see every line of ``impl_numpy``: changes one thing in it at a time, in
memory, and runs the tests that concern it. What they let pass must be explained below as no change
at all.

    python -m tools.mutation [model.py ...]   prints the survivors and the score
    python -m tools.mutation --write          and puts the score and the table in docs/mutation.md

It takes minutes, so ``pytest`` does not run it, and it forks, so it needs Linux or macOS.
"""

import ast
import os
import signal
import sys
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

from bigram import markdown
from common.files import replace_file

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "mutation.md"
AT_ONCE = 2  # child processes
LIMIT = 120  # seconds for one child; what loops for ever is killed

# The tests of the file itself run first, then all of these. Left out are 5,000 steps, which see no
# more than 1,000 do, the tests of the tests, and all that runs impl_numpy in another process, where
# it is not mutated.
TESTS = [
    "test_gradients",
    "test_edges",
    "test_models",
    "test_training",
    "test_adamw",
    "test_fast_forms",
    "test_witnesses",
]
OWN = {
    "adamw.py": "test_adamw",
    "generation.py": "test_fast_forms",
    "large_vocab.py": "test_fast_forms",
    "model.py": "test_models",
    "pair_counts.py": "test_fast_forms",
    "trainer.py": "test_training",
}
FAST = "not published_schedule and not planted and (not witnesses or every_intermediate)"
OPTIONS = [
    "-xq",
    "--tb=no",
    "--assert=plain",
    "-pno:cacheprovider",
    "-pno:hypothesispytest",
    "-k",
    FAST,
]

# (file, the line, what it may as well be), as ast.unparse writes them, and why no result can tell.
EXPLAINED = {
    ("model.py", "loss, _ = cross_entropy(logits.reshape(-1, self.vocab_size), targets.ravel())",
     "loss, _ = cross_entropy(logits.reshape(-2, self.vocab_size), targets.ravel())"):
        "NumPy takes any negative length, not −1 alone, for whatever is left.",
    ("model.py", "logits = logits[:, -1, :]", "logits = logits[:, -0, :]"):
        "One character is looked up, so T = 1, and the last position is the first.",
    ("pair_counts.py", "z = np.zeros(W.shape, W.dtype)", "z = np.ones(W.shape, W.dtype)"):
        "It stays only in rows of characters that did not occur. There n = 0 turns any finite e "
        "into an exact 0, and the loss skips them.",
    ("pair_counts.py", "logp = np.subtract(z, np.log(s), out=z)",
    "logp = np.subtract(z, np.log(s))"):
        "The same values in a table of their own: more memory, and z is not used again.",
    ("pair_counts.py", "C, N = (counts.astype(W.dtype), idx.size)", "C, N = (counts, idx.size)"):
        "Products with integers are float64 tables on the way to dW: slower, and no less accurate.",
    ("generation.py",
     "cdfs = dict(enumerate(cumulative_probabilities(W))) if len(W) <= uniforms.size else {}",
     "cdfs = dict(enumerate(cumulative_probabilities(W))) if len(W) < uniforms.size else {}"):
        "Rows made at once and rows made when they are met are the same rows.",
    ("generation.py",
     "cdfs = dict(enumerate(cumulative_probabilities(W))) if len(W) <= uniforms.size else {}",
     "cdfs = dict(enumerate(cumulative_probabilities(W))) if len(W) >= uniforms.size else {}"):
        "The same.",
    ("large_vocab.py", "n = counts[rows, None].astype(W.dtype)", "n = counts[rows, None]"):
        "The same: float64 on the way, and rounded where it is put into dW.",
    ("large_vocab.py", "C = C.astype(W.dtype)", "pass"): "The same.",
    ("large_vocab.py", "C = C.astype(W.dtype)", "C = C"): "The same.",
    ("large_vocab.py", "elif 2 * len(here) > len(w) or self.betas[0] <= 0.5:",
     "elif 2 * len(here) > len(w) or self.betas[0] < 0.5:"):
        "At one half both ends of the mean give the same: halving is exact.",
    ("large_vocab.py", "elif 2 * len(here) > len(w) or self.betas[0] <= 0.5:",
     "elif 2 * len(here) > len(w) or self.betas[0] <= 1.0:"):
        "The other form of a block, which is equal in every bit, and slower.",
    ("large_vocab.py", "e = np.exp(z, out=z)", "e = np.exp(z)"):
        "A table of its own: more memory, and z is not used again.",
}  # fmt: skip

SWAPPED: dict[type, list[type]] = {
    ast.Add: [ast.Sub], ast.Sub: [ast.Add], ast.Mult: [ast.Div], ast.Div: [ast.Mult],
    ast.Pow: [ast.Mult],
    ast.BitAnd: [ast.BitOr], ast.And: [ast.Or], ast.Or: [ast.And], ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn], ast.NotIn: [ast.In],
    ast.Eq: [ast.NotEq], ast.NotEq: [ast.Eq], ast.Lt: [ast.LtE, ast.Gt], ast.LtE: [ast.Lt, ast.GtE],
    ast.Gt: [ast.GtE, ast.Lt], ast.GtE: [ast.Gt, ast.LtE], ast.MatMult: [ast.Mult],
    ast.FloorDiv: [ast.Mult],
}  # fmt: skip
RENAMED = {
    "max": "min",
    "zeros": "ones",
    "zeros_like": "ones_like",
    "float32": "float64",
    "int64": "int32",
}
UNDONE = {"astype", "copy", "max", "mean", "ravel", "reshape", "sum"}  # x.copy() becomes x

# as in EXPLAINED, the line's number, the whole file mutated
Mutant = tuple[tuple[str, str, str], int, str]


def alternatives(node: ast.AST) -> Iterator[ast.AST]:
    """What might stand in a node's place by mistake."""

    def changed(**fields: object) -> ast.AST:
        return type(node)(**vars(node) | fields)

    match node:
        case ast.Constant(value=bool(x)):
            yield ast.Constant(not x)
        case ast.Constant(value=int(x) | float(x)):
            yield from map(ast.Constant, [x + 1, x // 2] if isinstance(x, int) else [x * 2, x / 2])
        case ast.UnaryOp(op=ast.USub() | ast.Not(), operand=operand):
            yield operand
        case ast.BinOp(op=op, left=left, right=right) | ast.BoolOp(op=op, values=[left, right]):
            yield from [*(changed(op=new()) for new in SWAPPED[type(op)]), left, right]
        case ast.AugAssign(op=op, target=target, value=value):
            yield from [*(changed(op=new()) for new in SWAPPED[type(op)]), ast.Pass()]
            yield ast.Assign([target], value, lineno=0)
        case ast.Compare(ops=[op]):
            yield from [changed(ops=[new()]) for new in SWAPPED[type(op)]]
        case ast.If(test=test) | ast.IfExp(test=test) if not isinstance(test, ast.Compare):
            yield changed(test=ast.UnaryOp(ast.Not(), test))
        case ast.Attribute(attr=name) if name in RENAMED:
            yield changed(attr=RENAMED[name])
        case ast.Call(func=func, keywords=keywords):
            for gone in keywords:
                if gone.arg != "keepdims":  # without it is the same as False, which is tried too
                    yield changed(keywords=[keyword for keyword in keywords if keyword is not gone])
            if isinstance(func, ast.Attribute) and func.attr in UNDONE:
                yield func.value
        case (
            ast.Expr(value=ast.Call()) | ast.Assign() | ast.AnnAssign() | ast.Raise() | ast.Return()
        ):
            yield ast.Pass()


def places(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """Every node but annotations: its parent, the field it is in, its index if that is a list, and
    itself."""
    for field, value in ast.iter_fields(tree):
        for k, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(node, ast.AST) and field not in ("annotation", "returns"):
                yield tree, field, k, node
                yield from places(node)


def mutants(path: Path) -> Iterator[Mutant]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    original = ast.unparse(tree)
    seen = {original}
    for parent, field, k, node in list(places(tree)):
        whole = getattr(parent, field)
        for new in alternatives(node):
            setattr(parent, field, new if k is None else [*whole[:k], new, *whole[k + 1 :]])
            source = ast.unparse(tree)
            setattr(parent, field, whole)
            if source not in seen:
                seen.add(source)
                lines = zip(original.splitlines(), source.splitlines(), strict=True)
                old, other = next((a.strip(), b.strip()) for a, b in lines if a != b)
                yield (path.name, old, other), getattr(node, "lineno", 0), source


def start(file: str, source: str) -> int:
    """A child process that runs the tests with the file's source replaced: status 0 if all pass."""
    path = str(ROOT / "impl_numpy" / file)
    code = compile(source, path, "exec", dont_inherit=True)
    if pid := os.fork():
        return pid
    status = 1
    try:
        signal.alarm(LIMIT)
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        loader: Any = SourceFileLoader
        load = loader.get_code
        loader.get_code = lambda self, name: code if self.path == path else load(self, name)
        names = dict.fromkeys([OWN.get(file, TESTS[0]), *TESTS])
        status = pytest.main(
            [
                *OPTIONS,
                *(str(path) for name in names for path in (ROOT / "tests").rglob(f"{name}.py")),
            ]
        )
    finally:
        os._exit(status)


def main(arguments: list[str]) -> int:
    os.chdir(ROOT)
    files = sorted((ROOT / "impl_numpy").glob("*.py"))
    files = [path for path in files if path.name in arguments] or files
    if os.waitpid(start(files[0].name, files[0].read_text(encoding="utf-8")), 0)[1]:
        sys.exit("the tests fail as things are; nothing was mutated")
    every = [mutant for path in files for mutant in mutants(path)]
    waiting, alive, late = every[::-1], [], 0
    running: dict[int, Any] = {}
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            mutant = waiting.pop()
            running[start(mutant[0][0], mutant[2])] = mutant
        pid, status = os.wait()
        key, line, _ = running.pop(pid)
        late += os.WIFSIGNALED(status)
        if status == 0:
            alive.append(key)
            print(f"impl_numpy/{key[0]}:{line}: {key[1]}  ->  {key[2]}", flush=True)
    explained = {key for key in EXPLAINED if key[0] in {path.name for path in files}}
    for key in explained ^ set(alive):
        print("not explained:" if key in alive else "explained, but killed:", *key, sep="\n    ")
    score = f"{len(every) - len(alive)} of {len(every)} mutants are killed; {len(alive)} survive"
    print(
        f"{score}, {len(set(alive) - explained)} of them not explained. Stopped after {LIMIT} s: "
        f"{late}."
    )
    if "--write" in arguments and explained == set(alive):
        body = f"{score}, all explained:\n\n{table()}"
        page = markdown.with_blocks(PAGE.read_text(encoding="utf-8"), lambda name: body)
        replace_file(PAGE, page.encode("utf-8"))
    return explained != set(alive)


def table() -> str:
    """EXPLAINED in Markdown, as it stands in docs/mutation.md."""
    rows = [
        (f"`{file}`", f"`{old}`", f"`{new}`", why) for (file, old, new), why in EXPLAINED.items()
    ]
    return markdown.table(["file", "the line", "what it may as well be", "why"], rows)


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = (
        "1"  # a forked child would wait for threads that it does not have
    )
    import pytest
    import torch

    # imports what torch puts off until then
    torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))]).step()
    sys.exit(main(sys.argv[1:]))
