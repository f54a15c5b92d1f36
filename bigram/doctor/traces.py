"""Mistakes that cannot be made again, digit for digit, but leave traces: single precision, a
numerical gradient, noise, one cell, weights of tokens. Each is named by evidence that nothing else
would leave."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bigram.bounds import unit_roundoff
from bigram.comparator import differences
from bigram.doctor.cases import Case, Outputs
from bigram.doctor.mistakes.stages import Mistake, figure, normalised
from common.arrays import Array, Ids

# entries that must bear the evidence: by chance, each would with a probability of 1/5 at most
ENOUGH = 20


def found(name: str, why: str, mend: str, amount: float | None = None) -> Mistake:
    """A finding that no code makes."""
    chosen = () if amount is None else (amount,)
    return Mistake(name, why, mend, {}, name, amounts=(0, 0) if chosen else None, chosen=chosen)


def low_precision(
    of: str, cases: Sequence[Case], outputs: Outputs, usable: Sequence[int]
) -> Mistake | None:
    """Single or half precision: the dtype that came back, or values that it holds exactly; or
    errors of single precision's size, of both signs, on nearly every entry. Within the error of
    that precision on every ordinary case."""
    u = unit_roundoff(cases[0].W.dtype)
    usable = [i for i in usable if not cases[i].extreme]
    if u >= unit_roundoff(np.float32) or not usable:
        return None
    for dtype in ("float32", "float16"):
        coarse = unit_roundoff(dtype)
        sizes, signs, off = [], [], 0
        for i in usable:
            output, truth, bound = (
                np.ravel(x) for x in (outputs[i][of], cases[i].truth[of], cases[i].bound[of])
            )
            # The bound there, and the rounding of W.
            scale = bound / u
            drift = 4 * abs(cases[i].W).max() * (scale / 32 if of == "dW" else 1)
            error = differences(output, truth)
            if (error > coarse * (scale + drift)).any():
                break
            seen = (scale > 0) & (abs(truth) > 0)
            off += int((error > bound)[seen].sum())
            sizes += list(error[seen] / (coarse * scale[seen] / 32))
            signs += list(np.sign(output - truth)[seen])
        else:
            values = np.concatenate([np.ravel(outputs[i][of]) for i in usable]).astype(float)
            held = np.unique(values[values != 0])
            with np.errstate(over="ignore"):
                exact = len(held) >= 8 and (held.astype(dtype) == held).all()
            returned = all(outputs[i][of].dtype == dtype for i in usable)
            everywhere = (
                len(sizes) >= ENOUGH
                and off >= 0.9 * len(sizes)
                and 2**-7 <= float(np.median(sizes)) <= 2**3
                and min(signs.count(-1), signs.count(1)) >= 0.2 * len(sizes)
            )
            # Errors of half precision's size may be those of rounded logits as well.
            if returned or exact or (everywhere and dtype == "float32"):
                kind = dtype
                if dtype == "float16" and not returned:
                    # bfloat16 has seven binary digits of a float32's 23, and nothing behind them.
                    short = held.astype(np.float32).view(np.uint32) & 0xFFFF
                    kind = "float16" if short.any() else "bfloat16"
                name = f"{'loss in ' if of == 'loss' else ''}float32 where float64 was asked"
                return found(
                    name if kind == "float32" else f"{name}, {kind}",
                    "A default dtype somewhere on the way: torch.tensor of a list, or np.float32.",
                    "Take the dtype from W and pass it on.",
                )
    return None


def numerical_gradient(
    cases: Sequence[Case], outputs: Outputs, usable: Sequence[int]
) -> Mistake | None:
    """A difference of two losses over a step: every entry times the step is a whole number of last
    bits of the loss. The shortest such step is it."""
    some = [i for i in usable if not cases[i].extreme and len(cases[i].W) >= 4][:6]
    if not some:
        return None
    for step in (
        mantissa * 10.0**-exponent for exponent in range(9, 1, -1) for mantissa in (1, 2, 5)
    ):
        whole = 0
        for i in some:
            bit = np.spacing(float(cases[i].truth["loss"]))
            dW = np.ravel(outputs[i]["dW"]).astype(float)
            bits = dW[dW != 0] * step / bit
            # Those that are long enough to tell, and short enough for their own rounding.
            bits = bits[(abs(bits) > 64) & (abs(bits) * 4 * 2.0**-53 < 0.02)]
            if bits.size and (abs(bits - np.round(bits)) > 0.1).mean() > 0.1:
                break  # a few may have come from a loss below the next power of two
            whole += bits.size
        else:
            if whole >= ENOUGH:
                return numerical(cases, outputs, some, step)
    return None


def numerical(cases: Sequence[Case], outputs: Outputs, some: Sequence[int], step: float) -> Mistake:
    """Forward or central: a forward difference is off by half a step times the second
    derivative."""
    errors, curvatures = [], []
    for i in some:
        n = np.bincount(cases[i].idx.ravel(), minlength=len(cases[i].W))[:, None]
        p, _ = normalised(cases[i].W)
        curvatures.append((n * p * (1 - p) / cases[i].idx.size).ravel())
        errors.append((outputs[i]["dW"] - cases[i].truth["dW"]).ravel())
    error, curvature = np.concatenate(errors), np.concatenate(curvatures)
    slope = float(error @ curvature / (curvature @ curvature))
    forward = abs(abs(slope) / (step / 2) - 1) < 0.2
    kind = "forward differences" if forward else "central differences"
    return found(
        f"a numerical gradient, {kind}",
        "The loss at two tables a step apart is subtracted: right to about 1e-6 or 1e-10, not to "
        "rounding.",
        "Write the derivative down, (p - onehot) / N, and keep the differences as a check.",
        step if forward else step / 2,
    )


def noise(cases: Sequence[Case], outputs: Outputs, usable: Sequence[int]) -> Mistake | None:
    """Errors of one size and both signs in every entry of every case, in rows never visited as in
    others."""
    sizes, never, visited, signs = [], [], [], 0.0
    for i in usable:
        case = cases[i]
        if case.extreme or len(case.W) < 4:
            continue
        error = outputs[i]["dW"] - case.truth["dW"]
        rows = np.bincount(case.idx.ravel(), minlength=len(case.W)) > 0
        if (differences(outputs[i]["dW"], case.truth["dW"]) <= case.bound["dW"]).mean() > 0.05:
            return None
        sizes.append(float(np.sqrt((error**2).mean())))
        never.append(error[~rows].ravel())
        visited.append(error[rows].ravel())
        signs += float(np.sign(error).sum())
    if len(sizes) < 5:
        return None
    absent, present = np.concatenate(never), np.concatenate(visited)
    count = absent.size + present.size
    even = max(sizes) <= 3 * min(sizes) and abs(signs) <= 4 * math.sqrt(count)
    alike = absent.size >= ENOUGH and 0.7 <= absent.std() / max(present.std(), 1e-300) <= 1.4
    if not (even and alike):
        return None
    return found(
        "noise in every entry",
        "Random numbers are added to the gradient, in rows of characters that never occurred as "
        "well.",
        "Leave the noise out, or add it in the training loop.",
        float(f"{np.concatenate([absent, present]).std():.1g}"),
    )


def one_cell(cases: Sequence[Case], outputs: Outputs, usable: Sequence[int]) -> Mistake | None:
    """One entry of each wrong case is off, by the same amount in all."""
    amounts = []
    for i in usable:
        off = differences(outputs[i]["dW"], cases[i].truth["dW"]) > cases[i].bound["dW"]
        if off.sum() > 1:
            return None
        amounts += list((outputs[i]["dW"] - cases[i].truth["dW"])[off])
    if len(amounts) < 3 or np.ptp(amounts) > 0.01 * abs(np.median(amounts)):
        return None
    amount = float(f"{np.median(amounts):.2g}")
    return found(
        f"one entry off by {figure(amount)}",
        "A single cell is touched by something else: an index off by one, a race, a stray write.",
        "Look at what writes to the cell that the report names.",
    )


def small_entries(cases: Sequence[Case], outputs: Outputs, usable: Sequence[int]) -> Mistake | None:
    """Each wrong entry is 0, and every one of them is smaller than every other entry."""
    lost, left = [0.0], [math.inf]
    for i in usable:
        dW, truth = outputs[i]["dW"], cases[i].truth["dW"]
        off = differences(dW, truth) > cases[i].bound["dW"]
        if dW[off].any():
            return None
        lost += list(abs(truth[off]))
        left += list(abs(dW[dW != 0]))
    if len(lost) <= ENOUGH // 4 or min(left) < max(lost):
        return None
    numbers = (float(f"{min(left):.{digits}e}") for digits in range(17))
    at = next((10.0**k for k in range(-20, 1) if max(lost) < 10.0**k <= min(left)), None)
    return found(
        f"small entries set to 0, {figure(at or next(x for x in numbers if max(lost) < x))}",
        "Entries of dW below a number are dropped, to keep it sparse or free of noise.",
        "Leave them: a small gradient is one, and AdamW divides by its size.",
    )


GROUPS: dict[str, Callable[[Case], tuple[Any, int]]] = {
    "the target's character": lambda case: (case.targets, len(case.W)),
    "the input's character": lambda case: (case.idx, len(case.W)),
    "the position in the window": lambda case: (
        np.broadcast_to(np.arange(case.idx.shape[1]), case.idx.shape),
        case.idx.shape[1],
    ),
    "the window": lambda case: (
        np.broadcast_to(np.arange(len(case.idx))[:, None], case.idx.shape),
        len(case.idx),
    ),
}


def distinct(*ids: Ids) -> int:
    """The number of different ids, or tuples of them."""
    return len(np.unique(np.stack([i.ravel() for i in ids]), axis=1).T)


# The numbers that people divide by where N is meant.
DENOMINATORS: dict[str, Callable[[Case], float]] = {
    "the number of distinct inputs": lambda case: distinct(case.idx),
    "the number of distinct targets": lambda case: distinct(case.targets),
    "the number of distinct pairs": lambda case: distinct(case.idx, case.targets),
    "N log(V)": lambda case: case.idx.size * math.log(max(len(case.W), 2)),
    "(B + 1) T": lambda case: case.idx.size + case.idx.shape[1],
    "B (T + 1)": lambda case: case.idx.size + len(case.idx),
    "B (T - 1)": lambda case: case.idx.size - len(case.idx),
}


def denominator(
    of: str, cases: Sequence[Case], outputs: Outputs, usable: Sequence[int]
) -> Mistake | None:
    """The right sum, divided by another number than N: on every case the output is the right one
    times one ratio, and N over that ratio is a known number, or N and a constant."""
    divisors: dict[int, tuple[float, float]] = {}  # and how far the ratio's rounding may move it
    for i in usable:
        truth, N = cases[i].truth[of].ravel().astype(float), cases[i].idx.size
        output, bound = outputs[i][of].ravel().astype(float), cases[i].bound[of].ravel()
        if not truth.any() or cases[i].extreme:
            continue
        ratio = float(truth @ output) / float(truth @ truth)
        room = 4 * max(1.0, abs(ratio)) * bound
        if ratio <= 0 or (abs(output - ratio * truth) > room).any():
            return None
        some = abs(truth) > 0
        divisors[i] = N / ratio, N / ratio**2 * float(np.min(room[some] / abs(truth[some])))
    if len(divisors) < ENOUGH // 2:
        return None
    off = {i: divisor - cases[i].idx.size for i, (divisor, _) in divisors.items()}
    constant = float(np.median(list(off.values())))
    word = f"N {'-' if constant < 0 else '+'} {figure(float(f'{abs(constant):.3g}'))}"
    sizes = {i: cases[i].idx.size for i in off}
    # One token less one is none: code that divides by that guards it with a maximum.
    words = {word: [max(N + constant, min(N, 1)) - N for N in sizes.values()]}
    for other, of_case in DENOMINATORS.items():
        words[other] = [of_case(cases[i]) - N for i, N in sizes.items()]
    for word, expected in words.items():
        apart = [abs(a - b) for a, b in zip(off.values(), expected, strict=True)]
        allowed = [room for _, room in divisors.values()]
        if any(a > r for a, r in zip(apart, allowed, strict=True)):
            continue
        if sum(abs(b) > 4 * r for b, r in zip(expected, allowed, strict=True)) >= ENOUGH // 2:
            return found(
                f"divided by another number than N, {word}",
                f"The sum over the tokens is divided by {word}.",
                "Divide by N = B * T, the number of tokens.",
            )
    return None


def token_weights(cases: Sequence[Case], outputs: Outputs, usable: Sequence[int]) -> Mistake | None:
    """dW is the right sum with a weight for each token that depends on its target, its input, its
    position or its window alone: solved by least squares, and exact on several cases with more
    equations than weights."""
    for group, of in GROUPS.items():
        fitted, said, left_out = 0, "", True
        for i in sorted(usable, key=lambda i: cases[i].W.size * cases[i].idx.size):
            case = cases[i]
            labels, count = of(case)
            W, N = case.W.astype(float), case.idx.size
            if case.extreme or count < 2 or count > 40 or N > 400:
                continue
            d = normalised(W)[0][case.idx.ravel()] - np.eye(len(W))[case.targets.ravel()]
            parts = np.zeros((count, *W.shape))
            np.add.at(parts, (labels.ravel(), case.idx.ravel()), d / N)
            used = np.unique(labels)
            A, b = parts[used].reshape(len(used), -1).T, outputs[i]["dW"].ravel().astype(float)
            w, _, rank, _ = np.linalg.lstsq(A, b, rcond=None)
            room = 64 * float(case.bound["dW"].max()) * max(1.0, float(abs(w).max()))
            if abs(A @ w - b).max() > room:
                break
            # As many equations as weights would be solved by any output.
            if (
                rank == len(used)
                and 2 * len(used) <= int((abs(A).sum(axis=1) > 0).sum())
                and np.ptp(w) > 1e-6
            ):
                fitted += 1
                left_out &= bool((np.minimum(abs(w), abs(w - 1)) < 1e-6).all())
                said = said or ", ".join(f"{figure(float(f'{x:.3g}'))}" for x in w[:6]) + (
                    " ..." if len(w) > 6 else ""
                )
        else:
            if fitted >= 3 and left_out:
                return found(
                    f"tokens left out, by {group}",
                    f"Some tokens never reach dW: weights of {said} on one case.",
                    "Let every token add its part; look at the last block, id or segment.",
                )
            if fitted >= 3:
                return found(
                    f"tokens weighted by {group}",
                    f"Each token's part in the mean depends on {group}: weights of {said} on one "
                    "case.",
                    "Give every token the same weight, 1 / N: no class weights, no mask, no "
                    "discount.",
                )
    return None


def low_precision_state(
    runs: Sequence[Any], tables: Sequence[Array], made: Sequence[Array] | None = None
) -> Mistake | None:
    """Steps that differ from those of ``made``, or from the right ones, by float32's share of
    themselves, to both sides and by different shares; entries that are never visited do not differ.
    Or a table that float32 holds exactly."""
    single = unit_roundoff(np.float32)
    shares = []
    exact = True
    for k, (run, W) in enumerate(zip(runs, tables, strict=True)):
        truth, bound = run.truth_and_bound
        right = (truth if made is None else made[k]).astype(float)
        if run.W.dtype == np.float32 or not np.isfinite(W).all():
            return None
        off = W - right
        size = max(1.0, float(abs(right).max()) / float(abs(truth).max()))
        if not math.isfinite(size):
            return None
        if (abs(off) > size * single / unit_roundoff(run.W.dtype) * bound).any():
            return None
        exact &= bool((W.astype(np.float32) == W).all())
        never = ~np.any(run.gradients, axis=0)
        if not exact and (abs(off) > size * bound)[:, never].any():
            return None
        off, step = np.diff(off[:40], axis=0), np.diff(right[:40], axis=0)
        moved = ~never & (abs(step) > 0)
        shares.append((off[moved] / step[moved]).ravel())
    share = np.concatenate(shares)
    if len(share) < ENOUGH:
        return None
    low, median, high = np.quantile(abs(share), (0.1, 0.5, 0.9))
    likely = single / 16 <= median <= 16 * single and high > 4 * low
    if not exact and not (likely and 0.1 < (share > 0).mean() < 0.9):
        return None
    return found(
        "float32 state",
        "Moments are kept, or the step is worked out, in single precision for a table in double.",
        "Make the moments with np.zeros_like(W).",
    )


def not_a_number_from_the_first_step(outputs: Outputs) -> list[Mistake]:
    """0 / 0 in the first step, where 1 - beta**0 is 0."""
    if not all(np.isnan(output["W"][0]).any() for output in outputs):
        return []
    return [
        found(
            "t starts from 0",
            "W is NaN after the first step: t is 0 there, 1 - beta**0 is 0, and 0 / 0 is no "
            "number.",
            "Raise t before it is used: the first step is t = 1.",
        )
    ]
