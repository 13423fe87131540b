"""What cells do beyond their numbers: names, sharing, states, errors, subclasses, engines."""

import copy
import inspect
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from loading import load_all

from tgcarry import cells
from tgcarry.cells import (
    BasicLSTMCell,
    BasicRNNCell,
    DropoutWrapper,
    GRUCell,
    LSTMCell,
    LSTMStateTuple,
    MultiRNNCell,
    ResidualWrapper,
    RNNCell,
)
from tgcarry.cells.dropout import which_leaves
from tgcarry.cells.variables import default_name
from tgcarry.errors import CellError

B, H = 3, 5
WIDTH = 4


def x(*shape, dtype=tf.float32):
    return tf.placeholder(dtype, shape or [B, WIDTH])


def names():
    return [v.op.name for v in tf.global_variables()]


def step(cell, **kwargs):
    inputs = x()
    return cell(inputs, cell.zero_state(B, inputs.dtype), **kwargs)


def gru_names(scope):
    return [f"{scope}/{part}/{v}" for part in ("gates", "candidate") for v in ("kernel", "bias")]


# The oracle: the equations in float64 NumPy, one line each, row vectors.


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def numpy_gru(x, h, gate_kernel, gate_bias, candidate_kernel, candidate_bias):
    r, u = np.split(sigmoid(np.concatenate([x, h], 1) @ gate_kernel + gate_bias), 2, 1)
    c = np.tanh(np.concatenate([x, r * h], 1) @ candidate_kernel + candidate_bias)
    return u * h + (1 - u) * c


def numpy_lstm(x, c, h, kernel, bias, f_bias, pf, pi, po, proj, cell_clip, proj_clip):
    i, j, f, o = np.split(np.concatenate([x, h], 1) @ kernel + bias, 4, 1)
    c = sigmoid(f + f_bias + pf * c) * c + sigmoid(i + pi * c) * np.tanh(j)
    c = np.clip(c, -cell_clip, cell_clip)
    m = sigmoid(o + po * c) * np.tanh(c)
    return c, np.clip(m @ proj, -proj_clip, proj_clip)


def random_start(rng, session):
    load_all({v: rng.normal(size=v.shape.as_list()) for v in tf.global_variables()}, session)


def test_gru_equations(rng):
    cell = GRUCell(H)
    inputs, state = rng.normal(size=(B, WIDTH)), rng.normal(size=(B, H))
    out, new = cell(tf.constant(inputs), tf.constant(state))
    assert out is new
    with tf.Session() as session:
        random_start(rng, session)
        weights = [cell.gate_kernel, cell.gate_bias, cell.candidate_kernel, cell.candidate_bias]
        got, weights = session.run([out, weights])
    np.testing.assert_allclose(got, numpy_gru(inputs, state, *weights), rtol=1e-12)


def test_lstm_equations(rng):
    cell = LSTMCell(H, True, 0.8, num_proj=2, proj_clip=0.5, forget_bias=0.3)
    inputs, c, h = (rng.normal(size=(B, n)) for n in (WIDTH, H, 2))
    out, new = cell(tf.constant(inputs), (tf.constant(c), tf.constant(h)))
    with tf.Session() as session:
        random_start(rng, session)
        w = session.run(
            {n: getattr(cell, n) for n in ("kernel", "bias", "w_f_diag", "w_i_diag", "w_o_diag")}
        )
        proj, (got_c, got_h), got = session.run([cell.proj_kernel, new, out])
    want_c, want_h = numpy_lstm(
        inputs, c, h, w["kernel"], w["bias"], 0.3,
        w["w_f_diag"], w["w_i_diag"], w["w_o_diag"], proj, 0.8, 0.5,
    )  # fmt: skip
    np.testing.assert_allclose(got_c, want_c, rtol=1e-12)
    np.testing.assert_allclose(got_h, want_h, rtol=1e-12)
    np.testing.assert_array_equal(got, got_h)
    assert np.abs(got_c).max() == 0.8, "the clip must bite or it is not tested"


ALL = {
    "basic_rnn": lambda: BasicRNNCell(H),
    "gru": lambda: GRUCell(H),
    "basic_lstm": lambda: BasicLSTMCell(H),
    "lstm": lambda: LSTMCell(H, use_peepholes=True, num_proj=3),
    "lstm_concat": lambda: LSTMCell(H, num_proj=3, state_is_tuple=False),
    "multi": lambda: MultiRNNCell([GRUCell(H), LSTMCell(3)]),
    "multi_concat": lambda: MultiRNNCell([GRUCell(H), BasicRNNCell(3)], state_is_tuple=False),
    "residual": lambda: ResidualWrapper(GRUCell(WIDTH)),
    "dropout": lambda: DropoutWrapper(GRUCell(H), output_keep_prob=1.0),
}


@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
@pytest.mark.parametrize("engine", ["dynamic", "static", "bidirectional"])
def test_gradients_by_central_differences_in_stock_rnns(make, engine, rng):
    # One inner product tests the gradient to every variable, input and state at once.
    cell = make()
    sequence = tf.placeholder(tf.float64, [B, 4, WIDTH])
    start = tf.nest.map_structure(lambda n: tf.placeholder(tf.float64, [None, n]), cell.state_size)
    if engine == "dynamic":
        outputs, final = tf.nn.dynamic_rnn(cell, sequence, [4, 1, 2], start)
    elif engine == "static":
        outputs, final = tf.nn.static_rnn(cell, tf.unstack(sequence, axis=1), start)
    else:
        outputs, final = tf.nn.bidirectional_dynamic_rnn(
            cell, make(), sequence, [4, 1, 2], start, start
        )
    loss = tf.add_n([tf.reduce_sum(tf.sin(3 * t)) for t in tf.nest.flatten([outputs, final])])
    points = [*tf.trainable_variables(), sequence, *tf.nest.flatten(start)]
    gradients = tf.gradients(loss, points)
    assert all(g is not None for g in gradients)
    values = [rng.normal(size=[d or B for d in p.shape.as_list()]) * 0.5 for p in points]
    along = [rng.normal(size=v.shape) for v in values]
    with tf.Session() as session:
        count = len(tf.trainable_variables())

        def run(what, scale):
            moved = [v + scale * d for v, d in zip(values, along, strict=True)]
            load_all(dict(zip(points[:count], moved[:count], strict=True)), session)
            return session.run(what, dict(zip(points[count:], moved[count:], strict=True)))

        slope = sum(np.vdot(g, d) for g, d in zip(run(gradients, 0.0), along, strict=True))
        numeric = (run(loss, 1e-6) - run(loss, -1e-6)) / 2e-6
    assert abs(slope - numeric) <= 1e-6 * max(1, abs(slope)), (slope, numeric)


# Names and sharing.


def test_two_cells_in_a_scope_are_numbered():
    for _ in range(3):
        step(GRUCell(H))
    assert names() == gru_names("gru_cell") + gru_names("gru_cell_1") + gru_names("gru_cell_2")


def test_one_cell_called_twice_shares():
    cell = GRUCell(H)
    one, _ = step(cell)
    two, _ = step(cell, scope="ignored")
    assert names() == gru_names("gru_cell")
    assert cell.scope_name == "gru_cell"
    assert (one.op.name, two.op.name) == ("gru_cell/add", "gru_cell/add_1")


def test_dynamic_rnn_of_layers_has_the_well_known_names():
    cell = MultiRNNCell([GRUCell(64), GRUCell(32)], state_is_tuple=False)
    tf.nn.dynamic_rnn(cell, x(34, 100, 200), initial_state=x(None, 96))
    assert names() == [
        n for i in (0, 1) for n in gru_names(f"rnn/multi_rnn_cell/cell_{i}/gru_cell")
    ]
    assert [v.shape.as_list() for v in cell.trainable_variables] == [
        [264, 128], [128], [264, 64], [64], [96, 64], [64], [96, 32], [32],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cls", "name"),
    [
        (GRUCell, "gru_cell"),
        (BasicLSTMCell, "basic_lstm_cell"),
        (LSTMCell, "lstm_cell"),
        (MultiRNNCell, "multi_rnn_cell"),
        (type("_Hidden2Cell", (), {}), "private__hidden2cell"),
        (type("Ab1Cd2Ef", (), {}), "ab1_cd2ef"),
    ],
)
def test_default_names(cls, name):
    assert default_name(cls) == name


def test_name_reads_like_tf115():
    assert [GRUCell(H).name, GRUCell(H).name, GRUCell(H, name="own").name] == [
        "gru_cell_1",
        "gru_cell_2",
        "own",
    ]


def test_reuse_true_takes_and_auto_reuse_makes():
    cell, again = GRUCell(H), GRUCell(H, reuse=True)
    step(cell)
    step(again)
    step(GRUCell(H, reuse=tf.AUTO_REUSE, name="new"))
    assert names() == gru_names("gru_cell") + gru_names("new")
    assert again.gate_kernel is cell.gate_kernel
    assert again.reuse is True
    with pytest.raises(ValueError, match="does not exist"):
        step(GRUCell(H, reuse=True, name="absent"))


def test_a_reusing_scope_around_finds_the_first_cells():
    with tf.variable_scope("m"):
        step(GRUCell(H))
    with tf.variable_scope("m", reuse=True):
        step(GRUCell(H))
        with pytest.raises(ValueError, match="gru_cell_1/gates/kernel does not exist"):
            step(GRUCell(H))
    assert names() == gru_names("m/gru_cell")


def test_scope_object_and_scope_in_wrappers():
    with tf.variable_scope("outer") as outer:
        pass
    step(DropoutWrapper(ResidualWrapper(GRUCell(WIDTH)), name="unseen"), scope=outer)
    assert names() == gru_names("outer")


def test_custom_getter_initializer_and_regularizer_of_the_scope_hold():
    seen = []

    def getter(getter, name, *args, **kwargs):
        seen.append(name)
        return getter(name, *args, **kwargs)

    with tf.variable_scope(
        "m", custom_getter=getter, initializer=tf.ones_initializer(), regularizer=tf.reduce_sum
    ):
        cell = BasicRNNCell(H)
        step(cell)
    assert seen == ["m/basic_rnn_cell/kernel", "m/basic_rnn_cell/bias"]
    assert len(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)) == 2
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        kernel, bias = session.run([cell.kernel, cell.bias])
    assert (kernel == 1).all()
    assert (bias == 0).all()


def test_default_kernel_is_glorot_uniform():
    cell = GRUCell(128)
    cell(x(2, 64), x(2, 128))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        kernel = session.run(cell.gate_kernel)
    limit = np.sqrt(6 / (192 + 256))
    assert np.abs(kernel).max() <= limit
    assert np.abs(kernel).max() > 0.99 * limit
    assert abs(kernel.std() - limit / np.sqrt(3)) < 0.01 * limit


@pytest.mark.parametrize("name", sorted(cells.arguments.INITIALIZERS))
def test_initializers_by_name(name):
    cell = LSTMCell(2, initializer=name, num_proj=2)
    if name == "identity":
        cell.build([B, 6])  # kernel [8, 8]; the bias keeps its zeros
    else:
        cell.build([B, WIDTH])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert np.isfinite(session.run(cell.kernel)).all()


def test_trainable_false_and_lists():
    cell = GRUCell(H, trainable=False)
    step(cell)
    assert tf.trainable_variables() == []
    assert cell.trainable_variables == []
    assert [v.op.name for v in cell.variables] == gru_names("gru_cell")
    assert cell.non_trainable_variables == cell.weights


def test_wrappers_and_layers_list_their_cells_variables():
    cell = MultiRNNCell([DropoutWrapper(ResidualWrapper(GRUCell(WIDTH)), 0.5), LSTMCell(2)])
    assert cell.variables == []
    step(cell)
    assert [v.op.name for v in cell.trainable_weights] == names()
    cell.trainable = False
    assert cell.trainable_weights == []
    assert len(cell.non_trainable_weights) == 6


def test_build_before_call():
    cell = GRUCell(H, dtype=tf.float64)
    cell.build(tf.TensorShape([None, WIDTH]))
    assert names() == gru_names("gru_cell")
    assert cell.gate_kernel.dtype.base_dtype == tf.float64
    cell(x(B, WIDTH, dtype=tf.float64), x(B, H, dtype=tf.float64))
    assert names() == gru_names("gru_cell")


def test_copies_before_and_after_building():
    cell = DropoutWrapper(
        GRUCell(H), 0.5, variational_recurrent=True, input_size=WIDTH, dtype="float32"
    )
    other = copy.deepcopy(cell)
    step(cell)
    step(other)
    assert names() == gru_names("gru_cell") + gru_names("gru_cell_1")
    assert copy.deepcopy(cell).variables[0] is cell.variables[0]


# States.


@pytest.mark.parametrize("batch", [B, np.int64(B), 3.0])
def test_zero_state_of_a_known_batch(batch):
    cell = MultiRNNCell([GRUCell(H), LSTMCell(2, num_proj=1)])
    state = cell.zero_state(batch, tf.float64)
    assert isinstance(state[1], LSTMStateTuple)
    assert [t.shape.as_list() for t in tf.nest.flatten(state)] == [[3, 5], [3, 2], [3, 1]]
    assert state[1].dtype == tf.float64


@pytest.mark.parametrize("shape", [[], [1]])
@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
def test_zero_state_of_a_batch_known_at_run_time(shape, dtype):
    batch = tf.placeholder(dtype, shape)
    state = BasicLSTMCell(H, state_is_tuple=False).zero_state(batch, tf.float32)
    assert state.shape.as_list() == [None, 10]
    with tf.Session() as session:
        got = session.run(state, {batch: np.full(shape, 7)})
    np.testing.assert_array_equal(got, np.zeros((7, 10), np.float32))


def test_get_initial_state():
    cell = GRUCell(H)
    assert cell.get_initial_state(x()).shape.as_list() == [B, H]
    assert cell.get_initial_state(x(None, WIDTH)).shape.as_list() == [None, H]
    assert cell.get_initial_state(batch_size=tf.constant(2), dtype="float64").shape[0] == 2


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({}, "batch_size=None and dtype=None"),
        ({"inputs": np.zeros((3, 4)), "batch_size": 5}, "batch 3, but batch_size=5"),
        ({"inputs": np.zeros((3, 4)), "dtype": "float32"}, "float64, but dtype=float32"),
        ({"batch_size": -1, "dtype": "float32"}, "batch_size=-1"),
    ],
)
def test_get_initial_state_refuses(kwargs, words):
    with pytest.raises(CellError, match=words):
        GRUCell(H).get_initial_state(**kwargs)


def test_state_tuple_is_a_plain_named_tuple():
    state = LSTMStateTuple(c=1, h=2)
    assert state == (1, 2)
    assert pickle.loads(pickle.dumps(state)) == state
    with pytest.raises(TypeError, match=r"c of .*float32.* and h of .*float64"):
        _ = LSTMStateTuple(x(), x(dtype=tf.float64)).dtype


def test_float64_from_inputs_and_numpy_states():
    cell = GRUCell(H)
    out, _ = cell(np.zeros((B, WIDTH)), np.zeros((B, H), np.float32))
    assert out.dtype == cell.dtype == tf.float64


# Refusals.


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: GRUCell("5"), TypeError, "num_units='5' is not a whole number"),
        (lambda: GRUCell(None), TypeError, "num_units=None"),
        (lambda: GRUCell(2.5), TypeError, r"num_units=2\.5"),
        (lambda: GRUCell(True), TypeError, "num_units=True"),
        (lambda: GRUCell(0), CellError, "num_units=0 is below 1"),
        (lambda: GRUCell(H, "relu6"), CellError, "'relu6' is not a known name: use one of elu"),
        (lambda: GRUCell(H, 3), TypeError, "activation=3"),
        (lambda: GRUCell(H, kernel_initializer=3), CellError, "kernel_initializer=3"),
        (lambda: GRUCell(H, bias_initializer="no"), CellError, "bias_initializer='no'"),
        (lambda: GRUCell(H, dtype=tf.int32), CellError, "int32 is not a floating type"),
        (lambda: GRUCell(H, units=3), TypeError, "'units'"),
        (lambda: GRUCell(H, name=3), TypeError, "name=3 is not a string"),
        (lambda: LSTMCell(H, num_proj=0), CellError, "num_proj=0"),
        (lambda: LSTMCell(H, cell_clip=-1.0), CellError, r"cell_clip=-1\.0"),
        (lambda: LSTMCell(H, proj_clip="1"), TypeError, "proj_clip='1'"),
        (lambda: LSTMCell(H, cell_clip=float("nan")), CellError, "cell_clip=nan"),
        (lambda: MultiRNNCell([]), CellError, "is empty"),
        (lambda: MultiRNNCell(GRUCell(H)), TypeError, "is not a list"),
        (lambda: MultiRNNCell([3]), TypeError, r"cells\[0\] is 3"),
        (lambda: MultiRNNCell([GRUCell]), TypeError, "it is a class"),
        (
            lambda: MultiRNNCell([LSTMCell(H)], state_is_tuple=False),
            CellError,
            r"state sizes are \[LSTMStateTuple\(c=5, h=5\)\]",
        ),
        (lambda: DropoutWrapper(3), TypeError, "cell is 3"),
        (lambda: DropoutWrapper(GRUCell(H), 1.5), CellError, r"input_keep_prob=1\.5"),
        (lambda: DropoutWrapper(GRUCell(H), 1.0, 0.0), CellError, r"output_keep_prob=0\.0"),
        (lambda: DropoutWrapper(GRUCell(H), "a"), TypeError, "input_keep_prob='a'"),
        (
            lambda: DropoutWrapper(GRUCell(H), variational_recurrent=True),
            CellError,
            "needs a dtype",
        ),
        (
            lambda: DropoutWrapper(GRUCell(H), 0.5, variational_recurrent=True, dtype=tf.float32),
            CellError,
            "needs input_size",
        ),
        (
            lambda: DropoutWrapper(GRUCell(H), dropout_state_filter_visitor=3),
            TypeError,
            "dropout_state_filter_visitor=3",
        ),
        (lambda: ResidualWrapper(GRUCell(H), 3), TypeError, "residual_fn=3"),
    ],
)
def test_bad_arguments(make, error, words):
    with pytest.raises(error, match=words) as caught:
        make()
    assert "\n" not in str(caught.value)
    assert ": " in str(caught.value), "a remedy follows the colon"


@pytest.mark.parametrize(
    ("make", "inputs", "state", "error", "words"),
    [
        (GRUCell, (3, 4, 5), (3, 5), CellError, r"got \(3, 4, 5\)"),
        (GRUCell, None, (3, 5), CellError, "<unknown>"),
        (GRUCell, (3, None), (3, 5), CellError, r"\(3, None\)"),
        (GRUCell, (3, 4), (3, 6), CellError, r"state of shape \(3, 6\).*\[3, 5\]"),
        (GRUCell, (3, 4), (2, 5), CellError, r"state of shape \(2, 5\).*\[3, 5\]"),
        (GRUCell, (3, 4), ((3, 5), (3, 5)), CellError, "takes one state tensor"),
        (BasicLSTMCell, (3, 4), (3, 10), TypeError, "state_is_tuple=False"),
        (BasicLSTMCell, (3, 4), ((3, 5),), CellError, r"LSTMStateTuple\(c=5, h=5\)"),
        (LSTMCell, (3, 4), ((3, 5), (3, 4)), CellError, r"state\.h of shape \(3, 4\)"),
        (lambda n: MultiRNNCell([GRUCell(n)] * 2), (3, 4), (3, 10), CellError, "2 entries"),
        (lambda n: MultiRNNCell([GRUCell(n)]), (3, 4), ((3, 5), (3, 5)), CellError, "1 entries"),
        (
            lambda n: MultiRNNCell([GRUCell(n)] * 2, state_is_tuple=False),
            (3, 4),
            (3, 9),
            CellError,
            r"\[batch, 10\]",
        ),
        (lambda n: ResidualWrapper(GRUCell(n)), (3, 4), (3, 5), CellError, "cannot be added"),
    ],
)
def test_bad_calls(make, inputs, state, error, words):
    def placeholders(shape):
        if shape and isinstance(shape[0], tuple):
            return tuple(tf.placeholder(tf.float32, s) for s in shape)
        return tf.placeholder(tf.float32, shape)

    with pytest.raises(error, match=words) as caught:
        make(5)(placeholders(inputs), placeholders(state))
    assert "\n" not in str(caught.value)


def test_a_refused_call_leaves_no_variables():
    cell = GRUCell(H)
    with pytest.raises(CellError):
        cell(x(), x(B, H + 1))
    assert names() == []
    step(cell)
    assert names() == gru_names("gru_cell")


def test_dtypes_that_do_not_fit():
    with pytest.raises(TypeError, match="inputs of float64 and state of float32"):
        GRUCell(H)(x(B, WIDTH, dtype=tf.float64), x(B, H))
    with pytest.raises(TypeError, match="is float64, but its inputs are float32"):
        GRUCell(H, dtype=tf.float64)(x(), x(B, H))
    with pytest.raises(CellError, match="int32 is not a floating type"):
        GRUCell(H)(x(B, WIDTH, dtype=tf.int32), x(B, H))


def test_another_width_on_the_second_call():
    cell = GRUCell(H)
    step(cell)
    with pytest.raises(CellError, match=r"\(3, 6\), but their width must be 4"):
        cell(x(B, 6), x(B, H))


def test_another_graph_and_eager_use():
    cell = GRUCell(H)
    step(cell)
    with tf.Graph().as_default(), pytest.raises(CellError, match=r"in another tf\.Graph"):
        step(cell)
    code = (
        "import tensorflow as tf, tgcarry.cells as c\n"
        "assert tf.executing_eagerly() and tf.compat.v1.resource_variables_enabled()\n"
        "try: c.GRUCell(2)(tf.zeros([1, 1]), tf.zeros([1, 2]))\n"
        "except c.base.CellError as error: assert 'outside a graph' in str(error)\n"
        "else: raise SystemExit('not refused')\n"
        "import sys; assert not {'tf_keras'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])


# Subclasses.


class Own(RNNCell):
    """A user's cell that makes its variables in `call`."""

    def __init__(self, units, reuse=None, **kwargs):
        super().__init__(_reuse=reuse, **kwargs)
        self.units = units

    @property
    def state_size(self):
        return self.units

    @property
    def output_size(self):
        return self.units

    def call(self, inputs, state):
        w = tf.get_variable("w", [inputs.shape[-1], self.units])
        b = tf.get_variable("b", [self.units], trainable=False)
        new = tf.matmul(inputs, w) + state + b
        return new, new


def test_a_subclass_makes_variables_in_call_and_they_are_listed():
    cell = Own(H)
    step(cell)
    step(cell)
    assert names() == ["own/w", "own/b"]
    assert [v.op.name for v in cell.trainable_weights] == ["own/w"]
    assert [v.op.name for v in cell.weights] == ["own/w", "own/b"]
    step(Own(H, reuse=True))
    with pytest.raises(ValueError, match="own/w already exists"):
        step(Own(H))  # as in 1.15: cells of this kind are not numbered


def test_a_subclass_inside_layers_inside_a_loop():
    cell = MultiRNNCell([Own(H), Own(2)])
    tf.nn.dynamic_rnn(cell, x(B, 6, WIDTH), dtype=tf.float32)
    assert names() == [f"rnn/multi_rnn_cell/cell_{i}/own/{v}" for i in (0, 1) for v in "wb"]
    assert [v.op.name[-1] for v in cell.weights] == ["w", "w", "b", "b"]


def test_a_subclass_of_a_ready_made_cell_sees_its_parts():
    class Doubled(BasicLSTMCell):
        def call(self, inputs, state):
            assert self._num_units == H
            assert self._kernel is self.kernel
            out, new = super().call(inputs, state)
            return 2 * out, new

    step(Doubled(H))
    assert names() == ["doubled/kernel", "doubled/bias"]


def test_call_may_take_the_scope():
    class Scoped(Own):
        def call(self, inputs, state, scope=None):
            return tf.identity(state, name=scope.name), state

    out, _ = step(Scoped(H, name="here"))
    assert out.op.name == "here/here"


def test_old_style_cells_override_call_and_skip_init():
    class Old(RNNCell):
        def __init__(self):
            pass

        state_size = output_size = H

        def __call__(self, inputs, state, scope=None):
            with tf.variable_scope(scope or type(self).__name__):
                w = tf.get_variable("w", [inputs.shape[-1], H])
            return tf.matmul(inputs, w), state

    tf.nn.dynamic_rnn(MultiRNNCell([Old(), Old()]), x(B, 6, WIDTH), dtype=tf.float32)
    assert names() == [f"rnn/multi_rnn_cell/cell_{i}/Old/w" for i in (0, 1)]

    class Forgetful(Own):
        def __init__(self):
            self.units = H

    with pytest.raises(CellError, match=r"super\(\).__init__\(\)"):
        step(Forgetful())


def test_unfinished_subclasses():
    with pytest.raises(NotImplementedError, match="state_size"):
        _ = RNNCell().state_size
    with pytest.raises(NotImplementedError, match="output_size"):
        _ = RNNCell().output_size
    with pytest.raises(NotImplementedError, match=r"call\(inputs, state\)"):
        RNNCell()(x(), x())

    class Silent(Own):
        def call(self, inputs, state):
            return None

    with pytest.raises(CellError, match="returned None"):
        step(Silent(H))


# Dropout.


def test_dropout_keeps_the_share_and_rescales():
    cell = DropoutWrapper(BasicRNNCell(200, lambda v: v), 1.0, 0.75, seed=3)
    cell.cell.build([None, WIDTH])
    out, state = cell(tf.zeros([50, WIDTH]), tf.zeros([50, 200]))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        cell.cell.bias.load(np.ones(200), session)
        out, state = session.run([out, state])
    assert (state == 1).all(), "state_keep_prob=1 leaves the state alone"
    assert set(np.unique(out)) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs((out > 0).mean() - 0.75) < 0.02


def test_variational_masks_last_a_run_and_change_between_runs():
    cell = DropoutWrapper(
        BasicRNNCell(20, lambda v: v), 1.0, 0.5, variational_recurrent=True, dtype=tf.float32
    )
    outputs, _ = tf.nn.dynamic_rnn(cell, tf.zeros([4, 7, WIDTH]), dtype=tf.float32)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        cell.cell.bias.load(np.ones(20), session)
        one, two = session.run(outputs) != 0, session.run(outputs) != 0
    assert (one == one[:1, :1]).all()
    assert 0 < one.sum() < one.size
    assert (one != two).any()


def test_lstm_memory_is_not_dropped():
    cell = DropoutWrapper(LSTMCell(50, activation=lambda v: v * 0 + 1), state_keep_prob=0.5)
    _, state = cell(tf.zeros([B, WIDTH]), cell.zero_state(B, tf.float32))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        c, h = session.run(state)
    assert (c > 0).all()
    assert (h == 0).any()


def test_keep_probability_as_a_tensor():
    keep = tf.placeholder_with_default(1.0, [])
    out, _ = DropoutWrapper(GRUCell(H), output_keep_prob=keep)(tf.ones([50, 4]), tf.ones([50, H]))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        whole, cut = session.run(out), session.run(out, {keep: 0.4})
    assert (whole != 0).all()
    assert (cut == 0).any()
    assert DropoutWrapper(GRUCell(H), tf.constant(0.25)).input_keep_prob == 0.25


def test_visitors_pick_parts():
    state = (LSTMStateTuple("c", "h"), {"b": "B", "a": ("a0", "a1")})
    assert which_leaves(lambda s: True, state) == [(True, 1)] * 5
    assert which_leaves(lambda s: False, state) == [(False, 5)]
    first = which_leaves(lambda s: (True, False) if s is state else True, state)
    assert first == [(True, 1), (True, 1), (False, 3)]
    with pytest.raises(TypeError, match="answered 3"):
        which_leaves(lambda s: 3, state)
    with pytest.raises(TypeError, match="one bool for each entry"):
        which_leaves(lambda s: (True,), state)


# The public face.


def test_public_names_are_listed_sorted_and_documented():
    assert cells.__all__ == sorted(cells.__all__)
    for name in cells.__all__:
        assert inspect.getdoc(getattr(cells, name))


@pytest.mark.parametrize(
    ("cls", "arguments"),
    [
        (BasicRNNCell, "num_units activation reuse name dtype"),
        (BasicLSTMCell, "num_units forget_bias state_is_tuple activation reuse name dtype"),
        (
            GRUCell,
            "num_units activation reuse kernel_initializer bias_initializer name dtype",
        ),
        (
            LSTMCell,
            "num_units use_peepholes cell_clip initializer num_proj proj_clip num_unit_shards "
            "num_proj_shards forget_bias state_is_tuple activation reuse name dtype",
        ),
        (MultiRNNCell, "cells state_is_tuple"),
        (
            DropoutWrapper,
            "cell input_keep_prob output_keep_prob state_keep_prob variational_recurrent "
            "input_size dtype seed dropout_state_filter_visitor",
        ),
        (ResidualWrapper, "cell residual_fn"),
    ],
)
def test_arguments_come_in_tf115s_order(cls, arguments):
    parameters = inspect.signature(cls).parameters.values()
    assert [p.name for p in parameters if p.kind is not p.VAR_KEYWORD] == arguments.split()


def test_parts_are_read_only_and_none_until_built():
    cell = GRUCell(H, "tanh")
    assert cell.activation is tf.tanh
    assert cell.gate_kernel is None
    with pytest.raises(AttributeError):
        cell.gate_kernel = 3
    step(cell)
    assert cell.gate_kernel.op.name == "gru_cell/gates/kernel"
    assert (cell.num_units, cell.input_width) == (H, WIDTH)
