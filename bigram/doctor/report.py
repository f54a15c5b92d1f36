"""The reports of `check` as text; ``--json`` prints the same records."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bigram.terminal import labelled, number, table_text


def check_report(record: Mapping[str, Any], verbose: bool = False) -> Iterator[str]:
    """The report on the reader's function or class, line by line: the verdict first, then the
    mistakes and how to mend them, then all other findings. The witnesses come last, with
    ``verbose`` or where nothing is wrong."""
    yield check_verdict(record)
    yield f"subject   {record['subject']}"
    if record["complaint"]:
        yield labelled("stopped", record["complaint"])
    for found in record["diagnosis"]:
        yield ""
        yield labelled("mistake", found["mistake"])
        yield labelled("", found["why"])
        yield labelled("mend", found["mend"])
    for line in record.get("unstable", []):
        yield labelled("unstable", line)
    for line in record.get("notes", []):
        yield labelled("note", line)
    if record["pattern"]:
        unknown = "no mistake of the catalogue explains" if not record["diagnosis"] else "besides"
        yield f"\n{unknown}:"
        for line in record["pattern"]:
            # A case in full is set as it is.
            yield line if not line or line.startswith(" ") else labelled("", line)
    for reason in record["not_tried"]:
        yield ""
        yield labelled("not tried", reason)
    worst = record["worst"]
    if worst["case"] is not None:
        yield ""
        entry = f"{worst['of']} on the case '{worst['case']}'{place(worst['where'])}"
        yield labelled("worst", entry)
        fraction, max_abs = number(worst["fraction_of_bound"]), number(worst["max_abs"])
        yield f"          {fraction} times its bound, max abs {max_abs}"
    if record["witnesses"] and (verbose or record["verdict"] == "correct"):
        yield "\nAgainst each witness, the worst of all cases\n"
        yield tensor_table(record["witnesses"])


def place(where: Sequence[int] | None) -> str:
    """The coordinates of an entry, labelled."""
    if not where:
        return ""
    labels = ("step", "row", "column")[-len(where) :]
    said = [f"{label} {k + (label == 'step')}" for label, k in zip(labels, where, strict=True)]
    return f" at ({', '.join(said)})"


def check_verdict(record: Mapping[str, Any]) -> str:
    """One line: correct; unstable, and where; or wrong, and how."""
    names = [found["mistake"] for found in record["diagnosis"]]
    if record["verdict"] == "correct":
        return "correct: every case is within its bound" + (
            " that was tried" if record["not_tried"] else ""
        )
    if record["verdict"] == "unstable":
        return (
            "unstable: right for ordinary logits; "
            f"{' and '.join(names) or 'not where they are extreme'}"
        )
    if record["complaint"] and not names:
        return "wrong: it gave no answer that could be judged"
    if not names or (
        record["pattern"] and any(" is wrong on " in line for line in record["pattern"])
    ):
        names.append("something that the catalogue does not know")
    return "wrong: " + " and ".join(names)


def evidence_report(record: Mapping[str, Any]) -> Iterator[str]:
    """``bigram check`` without a subject: this project's own code, line by line."""
    yield "Both implementations against 50-digit arithmetic, the worst of all cases\n"
    yield table_text(
        ["", "dtype", "loss, of its bound", "dW, of its bound", "dW max abs"],
        (
            [
                row["implementation"],
                row["dtype"],
                number(row["loss_fraction_of_bound"]),
                number(row["dW_fraction_of_bound"]),
                number(row["dW_max_abs"]),
            ]
            for row in record["gradients"]
        ),
    )
    yield "\nNumPy pair counts against each witness, float64\n"
    yield tensor_table(record["witnesses"])
    for dtype in ("float64", "float32"):
        yield f"\nEvery intermediate of stepwise, and its gradient, against torch's, {dtype}\n"
        yield tensor_table([row for row in record["intermediates"] if row["dtype"] == dtype])
    yield "\nAdamW after every step of some runs, against long double, of the bound\n"
    yield table_text(
        ["", "dtype", "run", "of the bound"],
        (
            [row["implementation"], row["dtype"], row["run"], number(row["fraction_of_bound"])]
            for row in record["optimizers"]
        ),
    )
    yield "\nThe blunt tool: order of the Taylor remainder, 2 for the right gradient\n"
    yield table_text(
        ["", "order"], ([row["gradient"], f"{row['order']:.2f}"] for row in record["taylor_order"])
    )
    for dtype in ("float64", "float32"):
        yield f"\nRoom in the {dtype} bounds: used by correct code, exceeded by a mistake\n"
        yield table_text(
            ["", "correct", "mistakes", "mildest", "exceeds"],
            (
                [
                    row["bound"],
                    number(row["residual"]),
                    str(row["mistakes"]),
                    row["nearest_mistake"],
                    number(row["nearest_mistake_fraction"]),
                ]
                for row in record["margins"]
                if row["dtype"] == dtype
            ),
        )
    yield f"\n{check_verdict(record)}"


def tensor_table(rows: Iterable[Mapping[str, Any]]) -> str:
    """One row a tensor, the worst of all cases; ``where`` is the entry nearest to its bound."""
    return table_text(
        ["", "exact", "of the bound", "max abs", "where"],
        (
            [
                row["name"],
                "yes" if row["exact"] else "no",
                number(row["fraction_of_bound"]),
                number(row["max_abs"]),
                ", ".join(map(str, row["where"])) if row["where"] else "",
            ]
            for row in rows
        ),
    )
