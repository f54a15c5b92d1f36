"""MathML for the formulas of the page, each written beside its rule in ``steps.py``."""

import re


def row(*parts: str) -> str:
    """Parts side by side. A part that is not markup is a name, a number or an operator."""
    return f"<mrow>{''.join(map(token, parts))}</mrow>"


def token(text: str) -> str:
    """Markup as it is; anything else in the element that suits it."""
    if text.startswith("<"):
        return text
    tag = "mi" if re.fullmatch(r"\w*[^\W\d]\w*", text) else "mn" if text.isdigit() else "mo"
    return f"<{tag}>{text}</{tag}>"


def sub(name: str, *indices: str) -> str:
    """A name with its indices."""
    listed = [part for index in indices for part in (",", index)][1:]
    return f"<msub>{token(name)}{row(*listed)}</msub>"


def frac(above: str, below: str) -> str:
    """A fraction."""
    return f"<mfrac>{row(above)}{row(below)}</mfrac>"


def summed(index: str, body: str) -> str:
    """A sum over one index."""
    return f"<munder><mo>∑</mo>{row(index)}</munder>{body}"


def root(body: str) -> str:
    """A square root."""
    return f"<msqrt>{body}</msqrt>"


def either(first: str, condition: str, otherwise: str) -> str:
    """One value under a condition, else another. In a line, for few fonts have braces of any
    height."""
    return row(
        first,
        "<mtext>&nbsp;if&nbsp;</mtext>",
        condition,
        "<mtext>,&nbsp;else&nbsp;</mtext>",
        otherwise,
    )


def kj(name: str) -> str:
    """An entry of a tensor over tokens and characters."""
    return sub(name, "k", "j")


def ij(name: str) -> str:
    """An entry of a table."""
    return sub(name, "i", "j")


def exp(body: str) -> str:
    """The exponential."""
    return row("<mo>exp</mo>", "(", body, ")")


def one_minus_power(name: str) -> str:
    """A bias correction: 1 less a beta to the power t."""
    return row("1", "−", f"<msup>{name}<mi>t</mi></msup>")


BETA1, BETA2 = sub("β", "1"), sub("β", "2")
TARGET = sub("targets", "k")
SOFTMAX = f"<msub>{row('softmax', '(', 'W', ')')}{row('i', ',', 'j')}</msub>"
ROW_MAX = "<munder><mo>max</mo><mi>m</mi></munder>" + sub("logits", "k", "m")
