"""Chained models: a second cell is unrolled on each output of a first, for its own steps."""

from tgcarry.chain.chained import chained_rnn
from tgcarry.chain.outputs import ChainOutputs
from tgcarry.chain.states import ChainState, chain_ports

__all__ = ["ChainOutputs", "ChainState", "chain_ports", "chained_rnn"]
