"""The style of every picture, and how it is saved. The pictures are drawn in ``runs/pictures.py``
and ``studies/falling_loss.py``.

800 pixels wide, on white, in colours that the colour-blind can tell apart; no meaning rests on
colour alone. The same numbers give the same bytes (with one version of matplotlib): no date, no
random ids, letters as outlines of matplotlib's own font, and none of the reader's settings.
matplotlib is imported when a picture is drawn.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.errors import UserError
from common.files import replace_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, SKY, RED, BLACK, GREY = "#0072b2", "#56b4e9", "#d55e00", "#000000", "#767676"
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,  # 14 pixels in the PNG
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "figure.dpi": 100,
    "savefig.dpi": 100,
    "svg.fonttype": "path",
    "svg.hashsalt": "bigram",
}


def make_folder(name: str) -> Path:
    """The folder of that name, made if it is missing. Raises ``UserError`` where nothing can be
    written to it, or there is nothing to draw with: to be found out before hours of training, not
    after."""
    try:
        import matplotlib.figure  # noqa: F401
    except ModuleNotFoundError:
        raise UserError(
            "matplotlib is not installed; pip install matplotlib, or leave --plot out"
        ) from None
    if not name:
        raise UserError("--plot names no folder; give one, or leave the option out")
    folder = Path(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise cannot_write(folder, error) from error
    return folder


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Draw and ``save`` inside."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


def new_figure(height: float) -> Figure:
    """800 pixels wide and 100 ``height`` high."""
    from matplotlib.figure import Figure

    return Figure(figsize=(8, height), layout="compressed")


def save(figure: Figure, folder: Path, name: str) -> None:
    """``name.svg`` and ``name.png`` in ``folder``, each whole or not at all. Raises ``UserError``
    where they cannot be written."""
    settle(figure)
    for suffix, metadata in (("svg", {"Date": None, "Creator": None}), ("png", {"Software": None})):
        data = io.BytesIO()
        figure.savefig(data, format=suffix, metadata=metadata)
        write(folder / f"{name}.{suffix}", data.getvalue())


def settle(figure: Figure) -> None:
    """Everything in its place, once for both files. A drawing sets out from the layout of the one
    before it, and the first does not know yet how large the tables will be."""
    for _ in range(2):
        figure.draw_without_rendering()
    figure.set_layout_engine("none")


def write(path: Path, data: bytes) -> None:
    """The whole file, or the old one stays as it was; raises ``UserError`` then."""
    try:
        replace_file(path, data)
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> UserError:
    """The one line for a folder or a file that cannot be written."""
    return UserError(f"cannot write to {path}: {error.strerror}; give --plot another folder")


def visible(character: str) -> str:
    """A character as a label: an open box for the space, an escape for an invisible character or
    one that is not in the font.

    >>> [visible(character) for character in "a \\n\\u4e2d"]
    ['a', '␣', '\\\\n', '\\\\u4e2d']
    """
    from matplotlib.font_manager import findfont, get_font

    if character == " ":
        return "␣"
    # Combining marks (M), controls and formats (C) and separators (Z) cannot be seen alone.
    unseen = unicodedata.category(character)[0] in "MCZ"
    if unseen or not get_font(findfont(STYLE["font.family"])).get_char_index(ord(character)):
        return character.encode("unicode_escape").decode("ascii")
    return character


def count_updates(axes: Axes) -> None:
    """The horizontal axis of a run: whole numbers, with commas."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("updates")
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter("{x:,.0f}")
