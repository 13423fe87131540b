"""Where the files of example data sets are looked for; nothing is downloaded."""

from __future__ import annotations

import os
import pathlib
import sys
from collections.abc import Iterable

from tgcarry.errors import DataError
from tgcarry.legacy import settings

VARIABLE = "TGCARRY_DATA"


def folders(data_set: str, first: str | os.PathLike[str] | None = None) -> list[pathlib.Path]:
    """Lists the folders that may hold a data set, in the order of the search.

    Args:
      data_set: its name, the name of a subfolder too.
      first: the folder that the program names.
    """
    roots = [] if first is None else [pathlib.Path(first).expanduser()]
    if os.environ.get(VARIABLE):
        roots.append(pathlib.Path(os.environ[VARIABLE]).expanduser())
    roots.append(pathlib.Path("~/.keras/datasets").expanduser())
    return [folder for root in roots for folder in (root, root / data_set)]


def find(names: Iterable[str], among: Iterable[pathlib.Path]) -> pathlib.Path | None:
    """Returns the first file there is: all `names` of the first folder, then the next's."""
    names = tuple(names)
    for folder in among:
        for name in names:
            if (folder / name).is_file():
                return folder / name
    return None


def stand_in_or_refuse(data_set: str, files: str, where: str) -> None:
    """Announces that made-up data stand in for a data set, if the person asked for it.

    Args:
      data_set: what is not there, e.g. "MNIST".
      files: what the search was for.
      where: the folder to put them into.

    Raises:
      DataError: made-up data were not asked for.
    """
    if not settings.current().stand_ins:
        raise DataError(
            f"{data_set} is not on this disk: put {files} into {where} (or into $"
            f"{VARIABLE} or ~/.keras/datasets), or run with --stand-ins to let made-up data "
            "stand in"
        )
    print(
        f"tgcarry: {data_set} is not in {where}; made-up data of its shapes stand in for it "
        f"(--stand-ins), so results say nothing about {data_set}",
        file=sys.stderr,
    )
