"""Searches by halves: which streams, and from which step on."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def bad_streams(
    is_bad: Callable[[Sequence[int]], bool], batch: int, most: int
) -> tuple[tuple[int, ...], bool]:
    """Finds the streams that are bad without the others, asking `most` times or a bit more.

    Args:
      is_bad: whether some streams are bad together; known of all of them.
      batch: how many streams there are.
      most: of questions.

    Returns:
      the streams, and whether all questions were asked. None are found where streams are bad
      in company only.
    """
    found, waiting, asked = [], [list(range(batch))], 0
    while waiting and asked < most:
        part = waiting.pop()
        if len(part) == 1:
            found += part
            continue
        middle = len(part) // 2
        # The first half is looked into first.
        halves = [half for half in (part[middle:], part[:middle]) if is_bad(half)]
        waiting += halves
        asked += 2
    found += [part[0] for part in waiting if len(part) == 1]
    return tuple(sorted(found)), not any(len(part) > 1 for part in waiting)


def first_bad_step(is_bad: Callable[[int], bool], length: int) -> int:
    """Finds the step with which a value becomes bad, and is not without it.

    Args:
      is_bad: whether it is after the first so many steps; known to be so after `length`.
      length: steps.

    Returns:
      the step, from 0. Where a value becomes bad more than once it is one of those.
    """
    fine, bad = 0, length
    while bad - fine > 1:
        middle = (fine + bad) // 2
        if is_bad(middle):
            bad = middle
        else:
            fine = middle
    return bad - 1
