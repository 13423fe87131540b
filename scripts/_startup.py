"""Imports TensorFlow without its start-up chatter, which no setting of its own turns off.

Import this before anything that imports TensorFlow. It is for the scripts alone: the library
leaves its host's environment and output as they are.
"""

import os
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _import_quietly() -> None:
    """Imports TensorFlow with standard error set aside; what it said is shown if it fails."""
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


_import_quietly()
