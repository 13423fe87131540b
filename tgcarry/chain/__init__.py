"""Chained models: a second cell is unrolled on each output of a first, for its own steps."""

from tgcarry.chain.chained import chained_rnn
from tgcarry.chain.flow import ChainFlow, chain_flow
from tgcarry.chain.outputs import ChainOutputs
from tgcarry.chain.states import ChainState, chain_ports

__all__ = [
    "ChainFlow",
    "ChainOutputs",
    "ChainState",
    "chain_flow",
    "chain_ports",
    "chained_rnn",
]
