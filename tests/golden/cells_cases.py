# ruff: noqa: B905  Python 3.7 has no zip(strict=).
"""The configurations of cells whose numbers come from TensorFlow 1.15.5.

Read by `make_cells_tf115.py` under Python 3.7 and by `tests/test_cells_golden.py` under
today's Python: a case is a function of a TensorFlow and of a module of cells.
"""

import collections
import zlib

import numpy as np

# feeds: list of (placeholder, array); outputs, states: nests of tensors.
Built = collections.namedtuple("Built", "feeds outputs states")

B, H, L = 3, 5, 6
WIDTH = 4
LENGTHS = [6, 2, 4]

# In float64 the comparison is a million times sharper; the others are in float32, the usual
# dtype, where two versions' rounding already differs by several 1e-7.
FLOAT64 = {
    "auto_reuse",
    "gru_float64",
    "lstm_dynamic",
    "lstm_peepholes_float64",
    "multi_shared",
    "two_in_scope",
    "two_rnns",
    "wrapped",
}


def numbers(key, shape, scale=1.0):
    """Draws normal numbers that depend on the key alone."""
    seed = zlib.crc32(key.encode()) & 0x7FFFFFFF
    return np.random.RandomState(seed).standard_normal(shape) * scale


class Case(object):
    """Gives a case its placeholders, each with its array."""

    def __init__(self, tf, cells, dtype="float32"):
        self.tf, self.cells, self.dtype = tf, cells, dtype
        self.feeds = []

    def feed(self, shape, fixed=None):
        value = numbers("feed%d" % len(self.feeds), shape).astype(self.dtype)
        tensor = self.tf.placeholder(self.dtype, fixed or shape)
        self.feeds.append((tensor, value))
        return tensor

    def x(self, width=WIDTH):
        return self.feed([B, width], [None, width])

    def sequence(self):
        return self.feed([B, L, WIDTH], [None, None, WIDTH])

    def state(self, size):
        return self.tf.nest.map_structure(lambda h: self.feed([B, h], [None, h]), size)

    def done(self, outputs, states):
        return Built(self.feeds, outputs, states)

    def step(self, cell, **kwargs):
        return self.done(*cell(self.x(), self.state(cell.state_size), **kwargs))

    def unroll(self, cell, **kwargs):
        start = self.state(cell.state_size)
        return self.done(
            *self.tf.nn.dynamic_rnn(cell, self.sequence(), initial_state=start, **kwargs)
        )


def _twice(k):
    cell = k.cells.GRUCell(H)
    one, s1 = cell(k.x(), k.state(H))
    two, s2 = cell(k.x(), s1)
    return k.done([one, two], s2)


def _two_in_scope(k):
    outs = []
    with k.tf.variable_scope("model"):
        for _ in range(2):
            outs.append(k.cells.GRUCell(H)(k.x(), k.state(H)))
    return k.done([o for o, _ in outs], [s for _, s in outs])


def _two_named(k):
    one = k.cells.BasicLSTMCell(H, name="a")
    two = k.cells.BasicLSTMCell(H, name="a")
    outs = [c(k.x(), k.state(c.state_size)) for c in (one, two)]
    return k.done([o for o, _ in outs], [s for _, s in outs])


def _reuse_true(k):
    one, two = k.cells.GRUCell(H), k.cells.GRUCell(H, reuse=True)
    outs = [c(k.x(), k.state(H)) for c in (one, two)]
    return k.done([o for o, _ in outs], [s for _, s in outs])


def _auto_reuse(k):
    outs = []
    for _ in range(2):
        with k.tf.variable_scope("m", reuse=k.tf.AUTO_REUSE):
            for _ in range(2):
                outs.append(k.cells.GRUCell(H)(k.x(), k.state(H)))
    return k.done([o for o, _ in outs], [s for _, s in outs])


def _outer_reuse(k):
    outs = []
    for reuse in (None, True):
        with k.tf.variable_scope("m", reuse=reuse):
            cell = k.cells.MultiRNNCell([k.cells.LSTMCell(H), k.cells.GRUCell(H)])
            start = k.state(cell.state_size)
            outs.append(k.tf.nn.dynamic_rnn(cell, k.sequence(), initial_state=start))
    return k.done([o for o, _ in outs], [s for _, s in outs])


def _scope_twice(k):
    cell = k.cells.MultiRNNCell([k.cells.GRUCell(H), k.cells.BasicRNNCell(2)])
    one, s1 = cell(k.x(), k.state(cell.state_size), scope="first")
    two, s2 = cell(k.x(), s1, scope="second")
    return k.done([one, two], s2)


def _shared_in_multi(k):
    cell = k.cells.GRUCell(WIDTH)
    return k.unroll(k.cells.MultiRNNCell([cell, cell]))


def _getter(k):
    def half(getter, name, *args, **kwargs):
        return getter(name + "_raw", *args, **kwargs) * 0.5

    with k.tf.variable_scope("m", custom_getter=half):
        return k.step(k.cells.GRUCell(H))


def _bidirectional(k, scope=None):
    one, two = k.cells.GRUCell(H), k.cells.LSTMCell(2)
    starts = k.state(H), k.state(two.state_size)
    x = k.sequence()
    outputs, states = k.tf.nn.bidirectional_dynamic_rnn(
        one, two, x, LENGTHS, starts[0], starts[1], scope=scope
    )
    return k.done(outputs, states)


def _static(k):
    cell = k.cells.MultiRNNCell([k.cells.GRUCell(H), k.cells.BasicLSTMCell(2)])
    start = k.state(cell.state_size)
    return k.done(*k.tf.nn.static_rnn(cell, [k.x(), k.x(), k.x()], start))


def _zero_start(k):
    cell = k.cells.MultiRNNCell([k.cells.GRUCell(H), k.cells.BasicLSTMCell(2)])
    x = k.sequence()
    start = cell.zero_state(k.tf.shape(x)[0], k.dtype)
    return k.done(*k.tf.nn.dynamic_rnn(cell, x, LENGTHS, start))


def _two_rnns(k):
    a = k.tf.nn.dynamic_rnn(k.cells.GRUCell(H), k.sequence(), dtype=k.dtype, scope="enc")
    b = k.tf.nn.dynamic_rnn(k.cells.GRUCell(H), k.sequence(), dtype=k.dtype, scope="dec")
    return k.done([a[0], b[0]], [a[1], b[1]])


def _user_cell(cells, tf, width, in_build):
    class MyOwn2Cell(cells.RNNCell):
        @property
        def state_size(self):
            return width

        @property
        def output_size(self):
            return width

        def call(self, inputs, state):
            shape = [int(inputs.shape[-1]), width]
            w = tf.get_variable("w", shape)
            b = tf.get_variable("b", [width], initializer=tf.ones_initializer(), trainable=False)
            new = tf.nn.elu(tf.matmul(inputs, w) - state + b)
            return new, new

    class BuiltCell(MyOwn2Cell):
        def build(self, shape):
            self.w = self.add_variable("w", [int(shape[-1]), width])
            self.built = True

        def call(self, inputs, state):
            new = tf.nn.elu(tf.matmul(inputs, self.w) - state)
            return new, new

    return BuiltCell() if in_build else MyOwn2Cell()


def _user(k, in_build):
    layers = [_user_cell(k.cells, k.tf, w, in_build) for w in (H, 2)]
    return k.unroll(k.cells.MultiRNNCell([*layers, k.cells.GRUCell(H)]))


def _multi(k, **kwargs):
    return k.cells.MultiRNNCell([k.cells.GRUCell(H), k.cells.GRUCell(2)], **kwargs)


def _layers3(k):
    c = k.cells
    return c.MultiRNNCell([c.BasicLSTMCell(H), c.GRUCell(2), c.LSTMCell(4, num_proj=3)])


def _wrapped(k):
    c = k.cells
    inner = c.ResidualWrapper(c.DropoutWrapper(c.GRUCell(WIDTH), input_keep_prob=1.0))
    above = c.ResidualWrapper(c.LSTMCell(WIDTH), residual_fn=lambda x, y: 2 * x - y)
    return c.MultiRNNCell([inner, above, c.BasicRNNCell(2)])


def _nested(k):
    c = k.cells
    low = c.MultiRNNCell([c.GRUCell(H), c.GRUCell(2)], state_is_tuple=False)
    return c.MultiRNNCell([low, c.BasicLSTMCell(3)])


CASES = collections.OrderedDict(
    [
        ("basic_rnn", lambda k: k.step(k.cells.BasicRNNCell(H))),
        ("basic_rnn_relu", lambda k: k.step(k.cells.BasicRNNCell(H, k.tf.nn.relu))),
        ("gru", lambda k: k.step(k.cells.GRUCell(H))),
        (
            "gru_initializers",
            lambda k: k.step(
                k.cells.GRUCell(H, "softsign", None, "zeros", k.tf.constant_initializer(0.3))
            ),
        ),
        ("gru_float64", lambda k: k.step(k.cells.GRUCell(H))),
        ("basic_lstm", lambda k: k.step(k.cells.BasicLSTMCell(H))),
        ("basic_lstm_bias", lambda k: k.step(k.cells.BasicLSTMCell(H, forget_bias=-0.5))),
        (
            "basic_lstm_concat",
            lambda k: k.step(k.cells.BasicLSTMCell(H, 1.0, False, "hard_sigmoid")),
        ),
        ("lstm", lambda k: k.step(k.cells.LSTMCell(H))),
        ("lstm_peepholes", lambda k: k.step(k.cells.LSTMCell(H, True))),
        ("lstm_peepholes_float64", lambda k: k.step(k.cells.LSTMCell(H, True))),
        ("lstm_cell_clip", lambda k: k.step(k.cells.LSTMCell(H, cell_clip=0.4))),
        ("lstm_projection", lambda k: k.step(k.cells.LSTMCell(H, num_proj=2))),
        (
            "lstm_everything",
            lambda k: k.step(
                k.cells.LSTMCell(
                    H,
                    use_peepholes=True,
                    cell_clip=0.7,
                    initializer=k.tf.ones_initializer(),
                    num_proj=3,
                    proj_clip=0.2,
                    forget_bias=0.5,
                    activation="relu",
                )
            ),
        ),
        (
            "lstm_concat_projection",
            lambda k: k.step(k.cells.LSTMCell(H, num_proj=3, state_is_tuple=False)),
        ),
        ("lstm_dynamic", lambda k: k.unroll(k.cells.LSTMCell(H, True, num_proj=3))),
        ("gru_dynamic", lambda k: k.unroll(k.cells.GRUCell(H))),
        ("gru_lengths", lambda k: k.unroll(k.cells.GRUCell(H), sequence_length=LENGTHS)),
        ("lstm_lengths", lambda k: k.unroll(k.cells.LSTMCell(H), sequence_length=LENGTHS)),
        ("gru_scope", lambda k: k.unroll(k.cells.GRUCell(H, name="own"), scope="enc")),
        ("gru_call_scope", lambda k: k.step(k.cells.GRUCell(H, name="own"), scope="given")),
        ("multi", lambda k: k.unroll(_multi(k))),
        ("multi_concat", lambda k: k.unroll(_multi(k, state_is_tuple=False))),
        (
            "multi_concat_lengths",
            lambda k: k.unroll(
                _multi(k, state_is_tuple=False), sequence_length=LENGTHS, scope="enc"
            ),
        ),
        ("multi3", lambda k: k.unroll(_layers3(k), sequence_length=LENGTHS)),
        ("multi3_step", lambda k: k.step(_layers3(k))),
        ("multi_nested", lambda k: k.unroll(_nested(k))),
        ("multi_shared", _shared_in_multi),
        ("multi_scope_twice", _scope_twice),
        ("wrapped", lambda k: k.unroll(_wrapped(k), sequence_length=LENGTHS)),
        ("residual", lambda k: k.step(k.cells.ResidualWrapper(k.cells.BasicRNNCell(WIDTH)))),
        ("bidirectional", _bidirectional),
        ("bidirectional_scope", lambda k: _bidirectional(k, "both")),
        ("static", _static),
        ("zero_start", _zero_start),
        ("two_rnns", _two_rnns),
        ("twice", _twice),
        ("two_in_scope", _two_in_scope),
        ("two_named", _two_named),
        ("reuse_true", _reuse_true),
        ("auto_reuse", _auto_reuse),
        ("outer_reuse", _outer_reuse),
        ("getter", _getter),
        ("user", lambda k: _user(k, False)),
        ("user_built", lambda k: _user(k, True)),
        (
            "shards",
            lambda k: k.step(
                k.cells.LSTMCell(H, num_proj=4, num_unit_shards=2, num_proj_shards=2)
            ),
        ),
        (
            "dropout_seeded",
            lambda k: k.step(k.cells.DropoutWrapper(k.cells.LSTMCell(H), 0.6, 0.7, 0.5, seed=11)),
        ),
        (
            "dropout_variational",
            lambda k: k.unroll(
                k.cells.DropoutWrapper(
                    k.cells.MultiRNNCell([k.cells.LSTMCell(H), k.cells.GRUCell(4)]),
                    0.6,
                    0.7,
                    0.5,
                    variational_recurrent=True,
                    input_size=WIDTH,
                    dtype=k.dtype,
                    seed=12,
                )
            ),
        ),
        (
            "dropout_visitor",
            lambda k: k.step(
                k.cells.DropoutWrapper(
                    k.cells.MultiRNNCell([k.cells.LSTMCell(H), k.cells.GRUCell(4)]),
                    state_keep_prob=0.5,
                    seed=13,
                    dropout_state_filter_visitor=lambda s: (
                        (False, True) if type(s) is tuple else True
                    ),
                )
            ),
        ),
    ]
)


def evaluate(tf, cells, name):
    """Builds a case in a fresh graph and returns its arrays by key.

    Keys: `names` and `shapes` of all variables in order of creation, `start/NAME` for the
    biases that the default initialisers make, `output/i`, `state/i`, and the gradients
    `d_variable/i`, `d_feed/i` of sum(outputs * R1) + sum(states * R2), where each R is
    drawn by `numbers`.
    """
    dtype = "float64" if name in FLOAT64 else "float32"
    with tf.Graph().as_default():
        built = CASES[name](Case(tf, cells, dtype))
        variables = tf.global_variables()
        outputs, states = tf.nest.flatten(built.outputs), tf.nest.flatten(built.states)
        sizes = [[B, L] if t.shape.ndims == 3 else [B] for t in outputs]
        weigh = [
            numbers("%s%d" % (what, i), [*size, int(t.shape[-1])]).astype(dtype)
            for what, tensors, all_sizes in (
                ("R1", outputs, sizes),
                ("R2", states, [[B]] * len(states)),
            )
            for i, (t, size) in enumerate(zip(tensors, all_sizes))
        ]
        loss = tf.add_n([tf.reduce_sum(t * r) for t, r in zip(outputs + states, weigh)])
        feeds = dict(built.feeds)
        gradients = tf.gradients(loss, variables + [t for t, _ in built.feeds])
        keys = ["d_variable/%d" % i for i in range(len(variables))]
        keys += ["d_feed/%d" % i for i in range(len(built.feeds))]
        fetches = {k: g for k, g in zip(keys, gradients) if g is not None}
        fetches.update(("output/%d" % i, t) for i, t in enumerate(outputs))
        fetches.update(("state/%d" % i, t) for i, t in enumerate(states))
        arrays = {
            "names": np.array([v.op.name for v in variables]),
            "shapes": np.array([",".join(map(str, v.shape.as_list())) for v in variables]),
        }
        values = {v: numbers(v.op.name, v.shape.as_list(), 0.4).astype(dtype) for v in variables}
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            for v in variables:
                if "bias" in v.op.name:
                    arrays["start/" + v.op.name] = session.run(v)
            for v in variables:
                v.load(values[v], session)
            arrays.update(session.run(fetches, feeds))
    return arrays
