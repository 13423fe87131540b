"""The files of one program: which they are, and which Python they were written for."""

from __future__ import annotations

import ast
import pathlib
from collections.abc import Iterator

from tgcarry.errors import LegacyError
from tgcarry.legacy import notes, source
from tgcarry.legacy.translation import Translation, translate


class Program:
    """Reads a program's files, each once.

    A file without a sign of its own is Python 2 if another file of the program is: `/` floors
    in all of them or in none.

    Args:
      main: path of the file that is run, or None for a caller's own code.
    """

    def __init__(self, main: str | None = None) -> None:
        self._files: dict[str, Translation] = {}
        self._python2 = False
        if main is not None:
            found = list(self.files(main))
            if any(file.python2 for file in found) and not all(f.python2 for f in found):
                self._python2 = True
                self._files.clear()
        self._told: set[str] = set()

    @property
    def python2(self) -> bool:
        """Whether files that could be either are Python 2."""
        return self._python2

    def read(self, path: str) -> Translation:
        """Returns one file.

        Raises:
          LegacyError: it cannot be read.
          SyntaxError: it is neither Python 3 nor Python 2.
        """
        if path not in self._files:
            self._files[path] = translate(source.read(path), self._python2)
        return self._files[path]

    def told(self, path: str) -> Translation:
        """Returns one file that is about to run, and says what was done to it."""
        file = self.read(path)
        for note in file.notes if path not in self._told else ():
            (notes.say if "left out" in note else notes.explain)(note)
        self._told.add(path)
        return file

    def files(self, main: str) -> Iterator[Translation]:
        """Yields the file `main` and those beside it that it imports, directly or not.

        Raises:
          LegacyError, SyntaxError: `main` cannot be read; others are left out.
        """
        waiting, seen = [main], set()
        while waiting:
            path = waiting.pop(0)
            if path in seen:
                continue
            seen.add(path)
            try:
                file = self.read(path)
            except (LegacyError, SyntaxError):
                if path == main:
                    raise
                continue
            yield file
            waiting.extend(_imported(file, pathlib.Path(main).absolute().parent))


def _imported(file: Translation, root: pathlib.Path) -> Iterator[str]:
    """Yields the paths of the files in the program's folder that a file imports."""
    folder = pathlib.Path(file.path).absolute().parent
    for node in ast.walk(file.tree):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    yield from _found(alias.name, (root, folder))
            case ast.ImportFrom(module=module, names=names, level=level):
                above = folder.parents[level - 2] if level > 1 else folder
                places = (above,) if level else (root, folder)
                yield from _found(module or "", places)
                for alias in names:
                    yield from _found(f"{module or ''}.{alias.name}".strip("."), places)


def _found(name: str, places: tuple[pathlib.Path, ...]) -> Iterator[str]:
    for place in dict.fromkeys(places):
        stem = place.joinpath(*name.split(".")) if name else place
        for path in (stem.with_name(f"{stem.name}.py"), stem / "__init__.py"):
            if name and path.is_file():
                yield str(path)
