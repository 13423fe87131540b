"""Quiets TensorFlow's start-up for `python -m tgcarry`, which is no library call.

TensorFlow has no setting for it and speaks while it is imported, and `python -m tgcarry`
imports the package before it runs the command: so this is what the package imports first.
Other hosts' environment and output are left alone.
"""

from __future__ import annotations

import os
import sys
import tempfile


def is_command() -> bool:
    """Says whether Python is about to run `python -m tgcarry`."""
    return sys.argv[:1] == ["-m"] and "tgcarry" in sys.orig_argv


def import_quietly() -> None:
    """Imports TensorFlow with standard error set aside; what it said is shown if it fails."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    kept = os.dup(2)
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            import tensorflow.compat.v1 as tf

            # The first session of a process speaks too.
            with tf.Graph().as_default(), tf.Session() as session:
                session.run(tf.constant(0))
        except BaseException:
            os.dup2(kept, 2)
            aside.seek(0)
            sys.stderr.write(aside.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


if is_command():
    import_quietly()
