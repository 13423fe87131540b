"""Results that were fewer in older versions."""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from typing import Any


class Results(tuple[Any, ...]):
    """Holds a function's results; an assignment to two names takes the first two.

    `outputs, state = results` is what programs of TensorFlow 1.1 say, whose decoding loops
    returned two values. It is an error with any other tuple of three, so that nothing which
    works means something else.
    """

    __slots__ = ()

    def __new__(cls, *values: Any) -> Results:
        """Makes it of all values, or of one list of them.

        A session that fetches results calls it the one way, and `tf.nest` the other.
        """
        return super().__new__(cls, values[0] if len(values) == 1 else values)

    def __iter__(self) -> Iterator[Any]:
        """Iterates over all values, or over two where two are asked for."""
        caller = sys._getframe(1)
        code, place = caller.f_code.co_code, caller.f_lasti
        two = dis.opname[code[place]] == "UNPACK_SEQUENCE" and code[place + 1] == 2
        return iter(self[:2]) if two else super().__iter__()
