"""The grid LSTM over time and frequency."""

from __future__ import annotations

import collections
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells import arguments
from tgcarry.cells.base import RNNCell
from tgcarry.errors import CellError
from tgcarry.legacy.rnn.base import clipped, static_or_dynamic_rows, static_width
from tgcarry.legacy.rnn.frequency import window_count, windows
from tgcarry.legacy.rnn.sharding import sharded_variable

_Gates = dict[str, Any]


class GridLSTMCell(RNNCell):
    """Runs one step of two LSTMs, one through time and one along the frequencies.

    Both see `[x_k, m_k, m_below]`: a window of the inputs, the time LSTM's last output for
    it, and the frequency LSTM's output for the window below. Their memories c_t and c_f enter
    both LSTMs' gates through peepholes. Windows form blocks, each with its own variables:
    `W_f_{b}`, `B_f_{b}`, `W_t_{b}`, `B_t_{b}` and `W_{gate}_diag_{freq|time}{f|t}_{b}`.

    Args:
      num_units: int, H.
      use_peepholes: bool.
      share_time_frequency_weights: whether the time LSTM uses the other's variables.
      cell_clip: limit of the memories, or None.
      initializer: not used, as in 1.15.
      num_unit_shards: int, into how many variables each kernel is split.
      forget_bias: float.
      feature_size: int, the windows' width.
      frequency_skip: int, from one window to the next.
      num_frequency_blocks: list of ints, the number of windows of each block.
      start_freqindex_list, end_freqindex_list: lists of ints, the blocks' limits in the inputs;
        by default one block is the whole.
      couple_input_forget_gates: whether the forget gate is 1 - i.
      state_is_tuple: True for a named tuple, False for one tensor.
      reuse: True takes existing variables.

    Raises:
      CellError, TypeError: a bad argument, or windows that do not fit the inputs.

    Source: Kalchbrenner, Danihelka and Graves 2015, "Grid long short-term memory",
      arXiv:1507.01526; TensorFlow 1.15 `tf.contrib.rnn.GridLSTMCell`.
    """

    _directions: Sequence[str] = ("state",)
    _tuple_name = "GridLSTMStateTuple"

    def __init__(
        self,
        num_units: int,
        use_peepholes: bool = False,
        share_time_frequency_weights: bool = False,
        cell_clip: Any = None,
        initializer: Any = None,
        num_unit_shards: int = 1,
        forget_bias: float = 1.0,
        feature_size: int | None = None,
        frequency_skip: int | None = None,
        num_frequency_blocks: Sequence[int] | None = None,
        start_freqindex_list: Sequence[int] | None = None,
        end_freqindex_list: Sequence[int] | None = None,
        couple_input_forget_gates: bool = False,
        state_is_tuple: bool = True,
        reuse: Any = None,
    ) -> None:
        super().__init__(_reuse=reuse)
        if not num_frequency_blocks:
            raise CellError(
                f"num_frequency_blocks={num_frequency_blocks!r}: pass the number of windows of "
                f"each block, e.g. [3]"
            )
        self._num_units = arguments.width("num_units", num_units)
        self._use_peepholes = use_peepholes
        self._shared = share_time_frequency_weights
        self._cell_clip = cell_clip
        self._num_unit_shards = num_unit_shards
        self._forget_bias = forget_bias
        self._feature_size = arguments.width("feature_size", feature_size)
        self._frequency_skip = arguments.width("frequency_skip", frequency_skip)
        self._blocks = [int(count) for count in num_frequency_blocks]
        self._starts = start_freqindex_list
        self._ends = end_freqindex_list
        self._coupled = couple_input_forget_gates
        names = [
            f"{direction}_f{place:02d}_b{block:02d}_{part}"
            for direction in self._directions
            for block, count in enumerate(self._blocks)
            for place in range(count)
            for part in "cm"
        ]
        self._width = len(names) * self._num_units
        self._state_tuple_type: Any = (
            collections.namedtuple(self._tuple_name, names) if state_is_tuple else None
        )

    @property
    def state_tuple_type(self) -> Any:
        """The state's named tuple, or None."""
        return self._state_tuple_type

    @property
    def state_size(self) -> Any:
        """A named tuple of Hs, or their sum."""
        if self._state_tuple_type is None:
            return self._width
        return self._state_tuple_type(*[self._num_units] * len(self._state_tuple_type._fields))

    @property
    def output_size(self) -> int:
        """2H for every window."""
        return self._width

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(output, state')` from `[B, I]` and the state."""
        rows = static_or_dynamic_rows(inputs)
        outputs, states = self._walk(self._cut(inputs), rows, state, "state")
        if self._state_tuple_type is None:
            return tf.concat(outputs, 1), tf.concat(states, 1)
        return tf.concat(outputs, 1), self._state_tuple_type(*states)

    def _walk(
        self, blocks: list[list[Any]], rows: Any, state: Any, prefix: str
    ) -> tuple[list[Any], list[Any]]:
        outputs: list[Any] = []
        states: list[Any] = []
        for number, block in enumerate(blocks):
            for out, new in self._walk_block(block, number, rows, state, prefix):
                outputs += out
                states += new
        return outputs, states

    def _walk_block(
        self, block: list[Any], number: int, rows: Any, state: Any, prefix: str
    ) -> Iterator[tuple[list[Any], list[Any]]]:
        dtype = block[0].dtype.base_dtype
        kernels = self._kernels(number, dtype)
        diagonals = self._diagonals(number, dtype)
        c_f, m_f = (tf.zeros([rows, self._num_units], dtype) for _ in range(2))
        for place, window in enumerate(block):
            c_t, m_t = self._previous(state, f"{prefix}_f{place:02d}_b{number:02d}", place)
            seen = tf.concat([window, m_t, m_f], 1)
            by_axis = {axis: self._gates(seen, *kernels[axis]) for axis in kernels}
            freq, time = by_axis["f"], by_axis.get("t", by_axis["f"])
            new_f = self._memory(freq, c_f, c_f, c_t, diagonals["f"])
            new_t = self._memory(time, c_t, c_f, c_t, diagonals["t"])
            m_f = self._output(freq, new_f, new_f, new_t, diagonals["f"])
            m_t = self._output(time, new_t, new_f, new_t, diagonals["t"])
            c_f = new_f
            yield [m_t, m_f], [new_t, m_t]

    def _previous(self, state: Any, name: str, place: int) -> list[Any]:
        if self._state_tuple_type is not None:
            return [getattr(state, f"{name}_{part}") for part in "cm"]
        units = self._num_units
        return [tf.slice(state, [0, (2 * place + n) * units], [-1, units]) for n in (0, 1)]

    # The variables of a block.

    def _kernels(self, number: int, dtype: Any) -> dict[str, tuple[Any, Any]]:
        wide = (3 if self._coupled else 4) * self._num_units
        shape = [self._feature_size + 2 * self._num_units, wide]
        return {
            axis: (
                sharded_variable(f"W_{axis}_{number}", shape, dtype, self._num_unit_shards),
                tf.get_variable(f"B_{axis}_{number}", [wide], dtype, tf.zeros_initializer()),
            )
            for axis in ("f" if self._shared else "ft")
        }

    def _diagonals(self, number: int, dtype: Any) -> dict[str, _Gates]:
        if not self._use_peepholes:
            return {"f": {}, "t": {}}
        made = {
            axis: {
                gate + memory: tf.get_variable(
                    f"W_{gate}_diag_{axis}{memory}_{number}", [self._num_units], dtype
                )
                for gate in ("IO" if self._coupled else "FIO")
                for memory in "ft"
            }
            for axis in (("freq",) if self._shared else ("freq", "time"))
        }
        return {"f": made["freq"], "t": made.get("time", made["freq"])}

    # The equations of one of the two LSTMs.

    def _gates(self, seen: Any, kernel: Any, bias: Any) -> _Gates:
        names = "IJO" if self._coupled else "IJFO"
        product = tf.nn.bias_add(tf.matmul(seen, kernel), bias)
        return dict(zip(names, tf.split(product, len(names), axis=1), strict=True))

    def _gate(self, gate: str, gates: _Gates, c_f: Any, c_t: Any, diagonals: _Gates) -> Any:
        value = gates[gate] + self._forget_bias if gate == "F" else gates[gate]
        if diagonals:
            value = value + diagonals[f"{gate}f"] * c_f + diagonals[f"{gate}t"] * c_t
        return tf.sigmoid(value)

    def _memory(self, gates: _Gates, c: Any, c_f: Any, c_t: Any, diagonals: _Gates) -> Any:
        taken = self._gate("I", gates, c_f, c_t, diagonals)
        kept = 1.0 - taken if self._coupled else self._gate("F", gates, c_f, c_t, diagonals)
        return clipped(kept * c + taken * tf.tanh(gates["J"]), self._cell_clip)

    def _output(self, gates: _Gates, c: Any, c_f: Any, c_t: Any, diagonals: _Gates) -> Any:
        return self._gate("O", gates, c_f, c_t, diagonals) * tf.tanh(c)

    # The windows.

    def _cut(self, inputs: Any, offset: int = 0) -> list[list[Any]]:
        width = static_width(self._name, inputs)
        if offset:
            inputs = tf.pad(inputs, [[0, 0], [0, offset] if offset > 0 else [-offset, 0]])
        starts, ends = self._starts or [0], self._ends or [width]
        if not len(starts) == len(ends) == len(self._blocks):
            raise CellError(
                f"num_frequency_blocks={self._blocks}, but the blocks start at {list(starts)} and "
                f"end at {list(ends)}: pass lists of one length"
            )
        size, skip = self._feature_size, self._frequency_skip
        for count, start, end in zip(self._blocks, starts, ends, strict=True):
            fitting = window_count(end - start, size, skip)
            if fitting != count:
                raise CellError(
                    f"num_frequency_blocks={self._blocks}, but {fitting} windows of {size} fit "
                    f"into {end - start} every {skip}: pass that number"
                )
        return [
            windows(inputs, start + max(offset, 0), count, skip, size)
            for start, count in zip(starts, self._blocks, strict=True)
        ]
