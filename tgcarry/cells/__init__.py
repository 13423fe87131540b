"""Recurrent cells under TensorFlow 1's class names, arguments, variable names and equations."""

from tgcarry.cells.base import RNNCell
from tgcarry.cells.basic import BasicRNNCell
from tgcarry.cells.dropout import DropoutWrapper
from tgcarry.cells.gru import GRUCell
from tgcarry.cells.lstm import BasicLSTMCell, LSTMCell, LSTMStateTuple
from tgcarry.cells.multi import MultiRNNCell
from tgcarry.cells.wrappers import ResidualWrapper

__all__ = [
    "BasicLSTMCell",
    "BasicRNNCell",
    "DropoutWrapper",
    "GRUCell",
    "LSTMCell",
    "LSTMStateTuple",
    "MultiRNNCell",
    "RNNCell",
    "ResidualWrapper",
]
