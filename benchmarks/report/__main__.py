"""Writes the blocks and figures of docs/speed.md, docs/cost.md and docs/gpu.md from the committed
results:

python -m benchmarks.report             every file of benchmarks/results
python -m benchmarks.report FILE ...    these files
python -m benchmarks.report --readme    prints the block of the README, and writes nothing
"""

import sys
from pathlib import Path

from benchmarks.report import pages
from benchmarks.report.results import load, published
from common.errors import UserError
from common.files import replace_file


def main(argv: list[str]) -> int:
    """The command line; see above."""
    try:
        if argv == ["--readme"]:
            print(pages.readme(published()), end="")
            return 0
        runs = [load(Path(name)) for name in argv] or published()
        written = pages.made_anew(runs)
        from benchmarks.report import figures

        drawn = figures.draw(runs)
    except UserError as error:
        print(f"benchmarks.report: {error}", file=sys.stderr)
        return 2
    written |= {pages.DOCS / "figures" / name: data for name, data in drawn.items()}
    for path, data in written.items():
        replace_file(path, data)
    print(
        f"docs: {', '.join(pages.PAGES)} and {len(drawn)} figures from "
        f"{sum(len(r.rows) for r in runs)} rows"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
