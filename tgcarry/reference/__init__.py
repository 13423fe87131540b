"""The cells' equations, forward and backward, written out in NumPy and float64.

Slow and plain on purpose: the ground truth that graphs are held against, each step in the
notation of its source. A step maps `(params, x, state)` to `(output, new_state, saved)`; its
`_backward` maps the gradients at the output and at the new state to those at the params, the
input and the old state. `unroll` and `unroll_backward` run a stack of cells over a sequence,
with TensorFlow 1's sequence lengths and this package's resets; `unroll_chain` runs a second stack
on each output of a first one. Params are dicts of arrays
under TensorFlow 1's variable names. Needs no TensorFlow. A NaN that goes in comes out.
"""

from tgcarry.reference.basic_lstm import basic_lstm_step, basic_lstm_step_backward
from tgcarry.reference.cell import Cell
from tgcarry.reference.chain import (
    Chained,
    ChainGradients,
    unroll_chain,
    unroll_chain_backward,
)
from tgcarry.reference.gru import gru_step, gru_step_backward
from tgcarry.reference.lstm import lstm_step, lstm_step_backward
from tgcarry.reference.rnn import rnn_step, rnn_step_backward
from tgcarry.reference.sequence import Tape, Unrolled, UnrollGradients, unroll, unroll_backward

__all__ = [
    "Cell",
    "ChainGradients",
    "Chained",
    "Tape",
    "UnrollGradients",
    "Unrolled",
    "basic_lstm_step",
    "basic_lstm_step_backward",
    "gru_step",
    "gru_step_backward",
    "lstm_step",
    "lstm_step_backward",
    "rnn_step",
    "rnn_step_backward",
    "unroll",
    "unroll_backward",
    "unroll_chain",
    "unroll_chain_backward",
]
