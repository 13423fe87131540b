"""Writes one HTML page that shows training runs beside one another, from their log folders.

For example:
  python scripts/report.py runs/truncated runs/exact --output=report.html
"""

import _startup  # noqa: F401 - quiets TensorFlow, which the package imports

from pathlib import Path

from _arguments import Arguments

from tgcarry import console
from tgcarry.pages import read_runs, write_page


def main() -> None:
    """Reads the command line and the folders, and writes the page."""
    parser = Arguments(__doc__)
    parser.add_argument("--output", default="report.html", help="The page (default: report.html).")
    arguments = parser.parse_args()
    with console.one_line_errors("report.py"):
        write_page(read_runs(map(Path, arguments.logdir)), Path(arguments.output))
        print("page:", arguments.output)


if __name__ == "__main__":
    main()
