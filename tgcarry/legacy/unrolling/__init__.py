"""TensorFlow 1.15's functions that unroll a cell over time, on tgcarry's engines.

TensorFlow's own loop is always built, so that variables, names, and the count of operations
are those of 1.15. Where a cell has hand-written passes, the program is given their results
instead, and nobody runs the loop.
"""

from tgcarry.legacy.unrolling.dynamic import bidirectional_dynamic_rnn, dynamic_rnn
from tgcarry.legacy.unrolling.static import (
    static_bidirectional_rnn,
    static_rnn,
    static_state_saving_rnn,
)

__all__ = [
    "bidirectional_dynamic_rnn",
    "dynamic_rnn",
    "static_bidirectional_rnn",
    "static_rnn",
    "static_state_saving_rnn",
]
