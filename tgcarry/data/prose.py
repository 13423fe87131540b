"""Prose that needs no download: what Python's own help says of the language."""

from __future__ import annotations

import importlib

from tgcarry.data.wording import whole
from tgcarry.errors import DataError

_MODULE = "pydoc_data.topics"


def language_topics(limit: int | None = None) -> str:
    """Reads the help topics on the Python language, in the order of their names, as one text.

    These are the chapters of the language reference that `help("EXPRESSIONS")` and the like
    show: prose of some 450,000 characters and more, which differs between versions of Python.
    License: PSF-2.0, with the interpreter.

    Args:
      limit: stop after this many characters; None reads all.

    Raises:
      DataError: this Python was installed without its topics, or `limit` is below 2.
    """
    most = None if limit is None else whole(limit, "limit", 2)
    try:
        topics = importlib.import_module(_MODULE).topics
    except ImportError as error:
        raise DataError(
            f"this Python has no {_MODULE}: install its documentation topics, or name a text file "
            f"of your own"
        ) from error
    return "\n".join(topics[name] for name in sorted(topics))[:most]
