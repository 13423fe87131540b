"""The errors that tgcarry raises on purpose; all of them are a `TgcarryError`.

Each is also the built-in error that Python habit expects in its place, so that code which
catches `ValueError` goes on working. Messages repeat the caller's own values and end with
what to do about them, on one line.
"""


class TgcarryError(Exception):
    """Is the base of every error below: catch it to turn a user's mistake into one line."""


class CellError(TgcarryError, ValueError):
    """Arises while a cell is made or first called: a bad argument, input rank or state."""


class CarryError(TgcarryError, ValueError):
    """Arises while the graph is built: a state, upstream or gradient that cannot be carried."""


class ChunkError(TgcarryError, ValueError):
    """Arises when a chunk's graph is built from a loss, feed or variable that does not fit."""


class PolicyError(TgcarryError, ValueError):
    """Arises when a policy gets an argument outside its range."""


class DataError(TgcarryError, ValueError):
    """Arises when a file, an array or a chunk of data cannot be used as it is."""


class RunError(TgcarryError, RuntimeError):
    """Arises in the session loop: used out of order, or with chunks that do not fit the graph."""


class NumericsError(TgcarryError, ArithmeticError):
    """Arises when a loss, a gradient or a carried state stops being finite."""


class LogError(TgcarryError, OSError):
    """Arises when a log folder cannot be written, holds another run, or cannot be read back."""


class StoppedError(TgcarryError, RuntimeError):
    """Arises when a job was asked to end before its work was done: run it again to go on."""


class ClusterError(TgcarryError, RuntimeError):
    """Arises when ranks cannot train together: badly addressed, or not doing the same."""


class LostRankError(ClusterError):
    """Arises when a rank does not come, is gone, or gives no answer: start all of them again."""


class LegacyError(TgcarryError, RuntimeError):
    """Arises when an old program cannot be read, translated or run."""


class MissingNameError(TgcarryError, AttributeError):
    """Arises when an old program uses a TensorFlow 1 name that the facade does not have."""


class MissingModuleError(TgcarryError, ImportError):
    """Arises when an old program imports a TensorFlow 1 module that the facade does not have."""
