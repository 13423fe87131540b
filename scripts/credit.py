"""Measures how far back credit travels in a trained model, from its log folder.

For example:
  python scripts/credit.py runs/text
  python scripts/credit.py runs/truncated runs/exact --depth=60 --output=runs

Prints a table for each run, and a sentence: vanishing, exploding, truncated, or steady. Writes
credit.json and credit.png into the folder, or of all runs together into --output.
"""

import _startup  # noqa: F401 - quiets TensorFlow, which the package imports

import json
from pathlib import Path

from _arguments import Arguments, whole
from _checks import make_folder

from tgcarry import console
from tgcarry.credit import RunCredit, credit_of_run, draw_credit
from tgcarry.data.wording import because
from tgcarry.errors import LogError
from tgcarry.policies import Synthetic


def main() -> None:
    """Reads the command line, measures, prints and writes."""
    parser = Arguments(__doc__)
    parser.add_argument("--depth", type=whole(1), default=100, help="Most steps back (100).")
    parser.add_argument("--losses", type=whole(1), default=8, help="Losses to follow back (8).")
    parser.add_argument("--output", help="Folder for both files (default: the first LOGDIR).")
    arguments = parser.parse_args()
    console.quiet_tensorflow()
    with console.one_line_errors("credit.py"):
        if arguments.output:
            make_folder(arguments.output, "--output")
        found = {
            name: credit_of_run(Path(name), arguments.depth, losses=arguments.losses)
            for name in arguments.logdir
        }
        for name, run in found.items():
            print(f"{name}, step {run.step}, {run.policy}, chunks of {run.chunk} steps")
            print(rows(run))
            print(run.credit.diagnosis.sentence)
            if isinstance(run.policy, Synthetic):
                print("(what is predicted in place of what is cut off is not counted)")
            print()
        write(Path(arguments.output or arguments.logdir[0]), found)


def rows(run: RunCredit) -> str:
    """Writes the curve at steps back that double."""
    curve, arriving = run.credit.curve, run.credit.arriving
    backs = sorted({2**n for n in range(20) if 2**n <= len(curve)} | {len(curve)} - {0})
    return console.table(
        ["steps back", "the model carries", "arrives"],
        [[str(k), f"{curve[k - 1]:.3g}", f"{arriving[k - 1]:.3g}"] for k in backs],
    )


def write(folder: Path, found: dict[str, RunCredit]) -> None:
    """Writes both files."""
    path = folder / "credit.json"
    plain = {name: run.to_json() for name, run in found.items()}
    try:
        path.write_text(json.dumps(plain, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise LogError(f"{path}: cannot be written: {because(error)}") from error
    chunks = {run.chunk for run in found.values()}
    chunk = chunks.pop() if len(chunks) == 1 else None
    draw_credit(folder / "credit.png", {n: run.credit for n, run in found.items()}, chunk)
    print(f"wrote {path} and {folder / 'credit.png'}")


if __name__ == "__main__":
    main()
