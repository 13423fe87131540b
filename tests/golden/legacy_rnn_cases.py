# ruff: noqa: B905  Python 3.7 has no zip(strict=).
"""The cells of `tf.contrib.rnn` whose numbers come from TensorFlow 1.15.5.

Read by `make_legacy_rnn_tf115.py` under Python 3.7 and by `tests/test_legacy_rnn_golden.py`
under today's Python: a case is a function of a TensorFlow and of its modules of cells.
"""

import collections
import json
import zlib

import numpy as np

B, H, STEPS = 2, 4, 3
WIDTH = 6

# rnn, cudnn_rnn, grid_rnn: the contrib modules; cells: `tf.nn.rnn_cell`; more: rnn_cell.py.
Modules = collections.namedtuple("Modules", "rnn cudnn grid cells more")

# Cells whose 1.15 makes variables of float32 whatever the inputs, or has kernels of it only.
FLOAT32 = {
    "attention",
    "attention_sizes",
    "attention_tuple",
    "conv1d",
    "coupled_norm",
    "cudnn_lstm_cell",
    "gru_block",
    "gru_block_v2",
    "highway",
    "highway_uncoupled",
    "layer_norm_lstm",
    "lstm_block",
    "lstm_block_clip",
    "lstm_block_peephole",
    "lstm_fused",
    "lstm_fused_everything",
    "ntm",
    "phased",
    "phased_peephole",
}

# Computed by `dynamic_rnn` too: one of a kind.
UNROLLED = {
    "attention_tuple",
    "conv1d",
    "coupled",
    "cudnn_gru_cell",
    "glstm",
    "grid",
    "grid2_lstm",
    "gru_block",
    "highway",
    "indy_lstm",
    "input_projection",
    "intersection_in",
    "layer_norm_basic",
    "lstm_block",
    "minimal",
    "multi",
    "nas",
    "output_projection",
    "phased",
    "weight_norm",
}

# Read a whole sequence by one call, of these lengths.
WHOLE = {"lstm_fused", "lstm_fused_everything"}
LENGTHS = [3, 1]


def numbers(key, shape, scale=1.0):
    """Draws normal numbers that depend on the key alone."""
    seed = zlib.crc32(key.encode()) & 0x7FFFFFFF
    return np.random.RandomState(seed).standard_normal(shape) * scale


def _grid(m, bidirectional=False, **kwargs):
    cls = m.rnn.BidirectionalGridLSTMCell if bidirectional else m.rnn.GridLSTMCell
    return cls(3, feature_size=2, frequency_skip=2, num_frequency_blocks=[3], **kwargs)


CASES = collections.OrderedDict(
    [
        ("attention", lambda m: m.rnn.AttentionCellWrapper(m.cells.GRUCell(H), 3)),
        ("attention_tuple", lambda m: m.rnn.AttentionCellWrapper(m.cells.BasicLSTMCell(H), 2)),
        (
            "attention_sizes",
            lambda m: m.rnn.AttentionCellWrapper(
                m.cells.GRUCell(H), 2, 5, 3, 7, state_is_tuple=False
            ),
        ),
        ("cfn", lambda m: m.more.CFNCell(H)),
        (
            "conv1d",
            lambda m: m.rnn.Conv1DLSTMCell(
                input_shape=[WIDTH, 1], output_channels=2, kernel_shape=[3]
            ),
        ),
        ("conv2d", lambda m: m.rnn.ConvLSTMCell(2, [3, 2, 1], 2, [2, 2])),
        (
            "conv3d",
            lambda m: m.rnn.Conv3DLSTMCell(
                input_shape=[3, 2, 1, 1],
                output_channels=1,
                kernel_shape=[2, 1, 1],
                use_bias=False,
                forget_bias=0.5,
            ),
        ),
        ("coupled", lambda m: m.rnn.CoupledInputForgetGateLSTMCell(H)),
        (
            "coupled_everything",
            lambda m: m.rnn.CoupledInputForgetGateLSTMCell(
                H, True, None, 3, 0.2, 2, 2, 0.5, False
            ),
        ),
        (
            "coupled_norm",
            lambda m: m.rnn.CoupledInputForgetGateLSTMCell(H, layer_norm=True, norm_shift=0.1),
        ),
        ("cudnn_gru_cell", lambda m: m.cudnn.CudnnCompatibleGRUCell(H)),
        ("cudnn_lstm_cell", lambda m: m.cudnn.CudnnCompatibleLSTMCell(H)),
        ("glstm", lambda m: m.rnn.GLSTMCell(H, number_of_groups=2)),
        ("glstm_projection", lambda m: m.rnn.GLSTMCell(H, None, 6, 2)),
        ("grid", _grid),
        ("grid_peepholes", lambda m: _grid(m, use_peepholes=True, cell_clip=0.4)),
        (
            "grid_shared",
            lambda m: _grid(
                m, use_peepholes=True, share_time_frequency_weights=True, state_is_tuple=False
            ),
        ),
        (
            "grid_coupled",
            lambda m: _grid(
                m, use_peepholes=True, couple_input_forget_gates=True, num_unit_shards=2
            ),
        ),
        (
            "grid_blocks",
            lambda m: m.rnn.GridLSTMCell(
                3,
                feature_size=2,
                frequency_skip=1,
                num_frequency_blocks=[2, 2],
                start_freqindex_list=[0, 3],
                end_freqindex_list=[3, 6],
            ),
        ),
        ("grid_both_ways", lambda m: _grid(m, True, backward_slice_offset=1)),
        ("grid_both_front", lambda m: _grid(m, True, backward_slice_offset=-1)),
        ("grid1_lstm", lambda m: m.grid.Grid1LSTMCell(H, use_peepholes=True)),
        ("grid2_lstm", lambda m: m.grid.Grid2LSTMCell(H, output_is_tuple=False)),
        ("grid2_tied", lambda m: m.grid.Grid2BasicLSTMCell(H, tied=True, output_is_tuple=False)),
        ("grid2_rnn", lambda m: m.grid.Grid2BasicRNNCell(H, output_is_tuple=False)),
        ("grid3_lstm", lambda m: m.grid.Grid3LSTMCell(H, output_is_tuple=False)),
        ("grid2_gru", lambda m: m.grid.Grid2GRUCell(H, output_is_tuple=False)),
        ("gru_block", lambda m: m.rnn.GRUBlockCell(H)),
        ("gru_block_v2", lambda m: m.rnn.GRUBlockCellV2(H)),
        ("highway", lambda m: m.rnn.HighwayWrapper(m.cells.GRUCell(WIDTH))),
        (
            "highway_uncoupled",
            lambda m: m.rnn.HighwayWrapper(m.cells.BasicLSTMCell(WIDTH), False, 0.5),
        ),
        ("ind_rnn", lambda m: m.rnn.IndRNNCell(H)),
        ("indy_gru", lambda m: m.rnn.IndyGRUCell(H)),
        ("indy_lstm", lambda m: m.rnn.IndyLSTMCell(H)),
        ("input_projection", lambda m: m.rnn.InputProjectionWrapper(m.cells.GRUCell(H), 3)),
        ("intersection", lambda m: m.rnn.IntersectionRNNCell(WIDTH)),
        ("intersection_in", lambda m: m.rnn.IntersectionRNNCell(H, H, forget_bias=0.5)),
        ("layer_norm_basic", lambda m: m.rnn.LayerNormBasicLSTMCell(H)),
        ("layer_norm_off", lambda m: m.rnn.LayerNormBasicLSTMCell(H, layer_norm=False)),
        (
            "layer_norm_lstm",
            lambda m: m.more.LayerNormLSTMCell(H, True, 0.7, num_proj=3, layer_norm=True),
        ),
        ("lstm_block", lambda m: m.rnn.LSTMBlockCell(H)),
        ("lstm_block_clip", lambda m: m.rnn.LSTMBlockCell(H, 0.5, cell_clip=0.3)),
        ("lstm_block_peephole", lambda m: m.rnn.LSTMBlockCell(H, use_peephole=True)),
        ("lstm_fused", lambda m: m.rnn.LSTMBlockFusedCell(H)),
        (
            "lstm_fused_everything",
            lambda m: m.rnn.LSTMBlockFusedCell(H, 0.5, 0.3, use_peephole=True),
        ),
        ("minimal", lambda m: m.more.MinimalRNNCell(H)),
        ("multi", lambda m: m.cells.MultiRNNCell([m.rnn.UGRNNCell(H), m.rnn.SRUCell(3)])),
        ("nas", lambda m: m.rnn.NASCell(H)),
        ("nas_projection", lambda m: m.rnn.NASCell(H, 3, True)),
        ("ntm", lambda m: m.more.NTMCell(m.cells.LSTMCell(H), 5, 3, 2, 1)),
        ("output_projection", lambda m: m.rnn.OutputProjectionWrapper(m.cells.GRUCell(H), 3)),
        ("phased", lambda m: m.rnn.PhasedLSTMCell(H)),
        ("phased_peephole", lambda m: m.rnn.PhasedLSTMCell(H, True, 0.1, 0.3, False)),
        ("sru", lambda m: m.rnn.SRUCell(H)),
        ("time_frequency", lambda m: m.rnn.TimeFreqLSTMCell(3, True, 0.5, feature_size=WIDTH)),
        ("ugrnn", lambda m: m.rnn.UGRNNCell(H)),
        ("weight_norm", lambda m: m.more.WeightNormLSTMCell(H)),
        (
            "weight_norm_everything",
            lambda m: m.more.WeightNormLSTMCell(
                H, use_peepholes=True, cell_clip=0.6, num_proj=3, proj_clip=0.3
            ),
        ),
    ]
)


def _features(name):
    """Returns the trailing shapes of the inputs, a tuple of them for a tuple of inputs."""
    if name.startswith("phased"):
        return ([1], [WIDTH])
    return {"conv1d": [WIDTH, 1], "conv2d": [3, 2, 1], "conv3d": [3, 2, 1, 1]}.get(name, [WIDTH])


def _feed(tf, feeds, shape, dtype):
    value = numbers("feed%d" % len(feeds), shape).astype(dtype)
    tensor = tf.placeholder(dtype, shape)
    feeds.append((tensor, value))
    return tensor


def _inputs(tf, feeds, name, lead, dtype):
    features = _features(name)
    if isinstance(features, tuple):
        return tuple(_feed(tf, feeds, lead + f, dtype) for f in features)
    return _feed(tf, feeds, lead + features, dtype)


def _start(tf, feeds, cell, name, dtype):
    if name == "ntm":
        return cell.zero_state(B, dtype)
    if name in WHOLE:
        return tuple(_feed(tf, feeds, [B, H], dtype) for _ in "ch")
    return tf.nest.map_structure(
        lambda size: (
            _feed(tf, feeds, [B, *tf.TensorShape(size).as_list()], dtype)
            if not isinstance(size, int)
            else _feed(tf, feeds, [B, size], dtype)
        ),
        cell.state_size,
    )


def _floats(tf, nest):
    return [t for t in tf.nest.flatten(nest) if not isinstance(t, int) and t.dtype.is_floating]


def evaluate(tf, modules, name, unrolled):
    """Builds a case in a fresh graph and returns its arrays by key.

    Three steps by three calls, or with `unrolled` by `dynamic_rnn`. Keys: `names`, `shapes` and
    `trainable` of all variables, `output/i`, `state/i` (after the last step), and by calls the
    gradients `d_variable/i`, `d_feed/i` of a weighted sum of all of those.
    """
    dtype = "float32" if name in FLOAT32 else "float64"
    with tf.Graph().as_default():
        feeds = []
        with tf.variable_scope("model"):
            cell = CASES[name](modules)
            state = _start(tf, feeds, cell, name, dtype)
            if name in WHOLE:
                x = _inputs(tf, feeds, name, [STEPS, B], dtype)
                outputs, state = cell(x, initial_state=state, sequence_length=LENGTHS)
            elif unrolled:
                x = _inputs(tf, feeds, name, [B, STEPS], dtype)
                outputs, state = tf.nn.dynamic_rnn(cell, x, initial_state=state)
            else:
                outputs = []
                for step in range(STEPS):
                    x = _inputs(tf, feeds, name, [B], dtype)
                    with tf.variable_scope(tf.get_variable_scope(), reuse=step > 0):
                        output, state = cell(x, state)
                    outputs.append(output)
        outputs, states = _floats(tf, outputs), _floats(tf, state)
        fetches = {} if unrolled else _gradients(tf, feeds, outputs + states, dtype)
        return _run(tf, feeds, outputs, states, fetches)


def _sorted_variables(tf):
    return sorted(tf.global_variables(), key=lambda v: v.op.name)


def _gradients(tf, feeds, tensors, dtype):
    loss = tf.add_n(
        [
            tf.reduce_sum(t * numbers("R%d" % i, t.shape.as_list()).astype(dtype))
            for i, t in enumerate(tensors)
        ]
    )
    variables = _sorted_variables(tf)
    gradients = tf.gradients(loss, variables + [t for t, _ in feeds])
    keys = ["d_variable/%d" % i for i in range(len(variables))]
    keys += ["d_feed/%d" % i for i in range(len(feeds))]
    return {k: g for k, g in zip(keys, gradients) if g is not None}


def _run(tf, feeds, outputs, states, fetches):
    variables = _sorted_variables(tf)
    fetches.update(("output/%d" % i, t) for i, t in enumerate(outputs))
    fetches.update(("state/%d" % i, t) for i, t in enumerate(states))
    arrays = {
        "names": np.array([v.op.name for v in variables]),
        "shapes": np.array([",".join(map(str, v.shape.as_list())) for v in variables]),
        "trainable": np.array([v in tf.trainable_variables() for v in variables]),
    }
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for v in variables:
            value = numbers(v.op.name, v.shape.as_list(), 0.4)
            if v.op.name.endswith(("period", "ratio_on")):
                value = abs(value) + 0.3
            v.load(value.astype(v.dtype.base_dtype.as_numpy_dtype), session)
        arrays.update(session.run(fetches, dict(feeds)))
    return arrays


def packed(arrays):
    """Packs a case's arrays into two: a description and all numbers in a row."""
    floats = sorted(key for key in arrays if arrays[key].dtype.kind == "f")
    about = {key: arrays[key].tolist() for key in arrays if key not in floats}
    about["floats"] = [[key, list(arrays[key].shape)] for key in floats]
    return np.array(json.dumps(about)), np.concatenate([arrays[key].ravel() for key in floats])


def unpacked(about, row):
    """Undoes `packed`; what is not numbers comes back as lists."""
    arrays = json.loads(str(about))
    done = 0
    for key, shape in arrays.pop("floats"):
        size = int(np.prod(shape, dtype=int))
        arrays[key] = row[done : done + size].reshape(shape)
        done += size
    return arrays
