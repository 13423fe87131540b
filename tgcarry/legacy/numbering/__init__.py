"""The numbers that TensorFlow 1.15 gives random operations under `tf.set_random_seed`.

Version 1.15 seeds an operation that has no seed of its own with the graph's seed and the
number of operations made before it, today's TensorFlow with the number of random operations.
The kernels draw the same from the same pair, so that old programs find their old numbers if
operations are counted as 1.15 makes them.
"""

from tgcarry.legacy.numbering.counts import as_many, counting, number, uncounted

__all__ = ["as_many", "counting", "number", "uncounted"]
