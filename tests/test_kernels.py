"""Hand-written passes against TensorFlow's own loop, at random shapes."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import tgcarry as tgc
from tgcarry.errors import CarryError
from tgcarry.kernels import why_not
from tgcarry.tf1 import operations_before

CELLS = {
    "gru": tgc.GRUCell,
    "gru relu": lambda n: tgc.GRUCell(n, "relu"),
    "basic lstm": tgc.BasicLSTMCell,
    "lstm one tensor": lambda n: tgc.LSTMCell(n, forget_bias=0.3, state_is_tuple=False),
    "lstm relu": lambda n: tgc.LSTMCell(n, activation=tf.nn.relu),
    "rnn": tgc.BasicRNNCell,
    "rnn sigmoid": lambda n: tgc.BasicRNNCell(n, "sigmoid"),
    "stack": lambda n: tgc.MultiRNNCell([tgc.GRUCell(n), tgc.BasicLSTMCell(n + 1)]),
    "one state": lambda n: tgc.MultiRNNCell(
        [tgc.GRUCell(n), tgc.GRUCell(2)], state_is_tuple=False
    ),
}


def largest_error(got, wanted):
    """Returns the largest deviation of any array, relative to its largest entry wanted."""
    errors = [0.0]
    for one, other in zip(got, wanted, strict=True):
        assert one.shape == other.shape
        scale = np.abs(other).max(initial=0) or 1.0
        errors.append(np.abs(one - other).max(initial=0) / scale)
    return max(errors)


def everything(kind, engine, shape, dtype, flags, known, seed, time_major=False, pad_to=None):
    """Returns outputs, final state and all gradients of one unrolled cell, flat."""
    batch, steps, width, units = shape
    rng = np.random.default_rng(seed)
    with tf.Graph().as_default():
        tf.set_random_seed(seed)
        cell = CELLS[kind](units)
        inputs = rng.normal(size=(batch, steps, width)).astype(dtype)
        shapes = {True: [batch, steps], False: [None, None], "batch": [batch, None]}
        x = tf.placeholder(dtype, [*shapes[known], width])
        ports = tgc.carry_ports(cell, shapes[known][0], dtype=tf.as_dtype(dtype))
        leaves = tf.nest.flatten(ports.initial_state)
        starts = [rng.normal(size=(batch, leaf.shape[1])).astype(dtype) for leaf in leaves]
        lengths = rng.integers(0, steps + 1, batch) if flags else None
        resets = tf.constant(rng.random((batch, steps)) < 0.2) if flags else None
        swap = (lambda a: tf.transpose(a, [1, 0, *range(2, a.shape.rank)])) if time_major else None
        given_x, given_resets = x, resets
        if swap:
            given_x, given_resets = swap(x), None if resets is None else swap(resets)
        outputs, final = tgc.dynamic_rnn(
            cell,
            given_x,
            lengths,
            initial_state=ports.initial_state,
            engine=engine,
            resets=given_resets,
            time_major=time_major,
            pad_to=pad_to,
        )
        outputs = swap(outputs) if swap else outputs
        finals = tf.nest.flatten(final)
        weights = rng.normal(size=(batch, steps, int(outputs.shape[-1]))).astype(dtype)
        loss = tf.reduce_sum(tf.sin(outputs) * weights)
        loss += tf.add_n([tf.reduce_sum(tf.cos(leaf)) for leaf in finals])
        slopes = tf.gradients(loss, [*tf.trainable_variables(), *leaves, x])
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            feeds = {x: inputs, **dict(zip(leaves, starts, strict=True))}
            return session.run([outputs, *finals, *slopes], feeds)


@settings(max_examples=6)
@given(
    kind=st.sampled_from(sorted(CELLS)),
    shape=st.tuples(
        *[st.integers(1, 5), st.integers(1, 12), st.integers(1, 5), st.integers(1, 9)]
    ),
    dtype=st.sampled_from(["float32", "float64"]),
    flags=st.booleans(),
    known=st.booleans(),
    time_major=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_loop_is_stock(kind, shape, dtype, flags, known, time_major, seed):
    options = (shape, dtype, flags, known, seed, time_major)
    error = largest_error(everything(kind, "loop", *options), everything(kind, "stock", *options))
    assert error < {"float32": 1e-5, "float64": 1e-10}[dtype]


@pytest.mark.slow
@settings(max_examples=3)
@given(
    kind=st.sampled_from(sorted(CELLS)),
    shape=st.tuples(
        *[st.integers(1, 5), st.integers(1, 12), st.integers(1, 5), st.integers(1, 9)]
    ),
    dtype=st.sampled_from(["float32", "float64"]),
    flags=st.booleans(),
    known=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_fused_is_stock(kind, shape, dtype, flags, known, seed):
    options = (shape, dtype, flags, known, seed)
    error = largest_error(everything(kind, "fused", *options), everything(kind, "stock", *options))
    assert error < {"float32": 1e-5, "float64": 1e-10}[dtype]


@pytest.mark.parametrize(
    ("kind", "flags"),
    [
        ("gru", True),
        pytest.param("stack", False, marks=pytest.mark.slow),
        pytest.param("one state", True, marks=pytest.mark.slow),
    ],
)
def test_streams_shared_out_over_cores_are_one_batch(kind, flags):
    options = ((41, 6, 3, 4), "float64", flags, True, 5)
    got = everything(kind, "fused", *options)
    assert largest_error(got, everything(kind, "stock", *options)) < 1e-10


@pytest.mark.parametrize("known", [True, pytest.param("batch", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "kind",
    [
        "gru",
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in sorted(CELLS) if kind != "gru"),
    ],
)
def test_small_steps_are_stock(kind, known):
    """Steps that are read and written as the inputs have them, streams first."""
    options = ((9, 7, 3, 30), "float64", False, known, 7)
    error = largest_error(everything(kind, "fused", *options), everything(kind, "stock", *options))
    assert error < 1e-10


@pytest.mark.slow
@settings(max_examples=12)
@given(
    kind=st.sampled_from(sorted(CELLS)),
    shape=st.tuples(
        *[st.integers(2, 20), st.integers(1, 12), st.integers(1, 5), st.integers(60, 70)]
    ),
    dtype=st.sampled_from(["float32", "float64"]),
    known=st.sampled_from([True, "batch"]),
    seed=st.integers(0, 2**16),
)
def test_small_steps_of_random_shapes_are_stock(kind, shape, dtype, known, seed):
    options = (shape, dtype, False, known, seed)
    error = largest_error(everything(kind, "fused", *options), everything(kind, "stock", *options))
    assert error < {"float32": 1e-5, "float64": 1e-10}[dtype]


@pytest.mark.parametrize(("units", "turned"), [(32, False), (1024, True)])
def test_nothing_is_turned_around_for_small_steps(units, turned):
    x = tf.placeholder(tf.float32, [12, 5, 3])
    outputs, _ = tgc.dynamic_rnn(tgc.GRUCell(units), x, dtype=tf.float32, engine="fused")
    slopes = tf.gradients(outputs, [x, *tf.trainable_variables()])
    types = {op.type for op in operations_before([outputs, *slopes])}
    assert ("Transpose" in types) == turned


@pytest.mark.parametrize("flags", [False, True])
@pytest.mark.parametrize("kind", ["gru", "basic lstm", "rnn"])
def test_many_streams_are_stock(kind, flags):
    """So many that the inputs are multiplied in the loop."""
    options = ((50, 6, 3, 4), "float64", flags, True, 5)
    got = everything(kind, "loop", *options)
    assert largest_error(got, everything(kind, "stock", *options)) < 1e-10


@pytest.mark.parametrize("kind", ["stack", "lstm one tensor"])
@pytest.mark.parametrize(("flags", "known", "time_major"), [(0, 0, 0), (0, 1, 1), (1, 0, 1)])
@pytest.mark.parametrize("steps", [7, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 8))])
def test_padded_steps_change_nothing(kind, flags, known, time_major, steps):
    options = ((3, steps, 2, 4), "float64", flags, known, 6, time_major)
    got = everything(kind, "loop", *options, pad_to=4)
    assert largest_error(got, everything(kind, "stock", *options)) < 1e-10


def test_padded_steps_are_compiled_for_few_lengths():
    """What is compiled is compiled for the shapes that it is called with."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [2, None, 3])
        outputs, final = tgc.dynamic_rnn(
            tgc.GRUCell(4), x, dtype=tf.float32, engine="fused", pad_to=8
        )
        calls = [op for op in graph.get_operations() if op.type.endswith("PartitionedCall")]
        given = [t for op in calls for t in op.inputs if t.shape.rank == 3]
        assert given
        shapes = [tf.shape(t) for t in given]
        slope = tf.reduce_sum(tf.gradients(tf.reduce_sum(outputs) + tf.reduce_sum(final), x)[0])
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            seen = set()
            for length in range(3, 9):
                found, shape, _ = session.run(
                    [shapes, tf.shape(outputs), slope], {x: np.ones([2, length, 3])}
                )
                assert shape.tolist() == [2, length, 4]
                seen.add(tuple(steps for steps, *_ in found))
    assert seen == {(8,) * len(given)}


@pytest.mark.parametrize("wrong", [0, -4, 2.0, True, "8"])
def test_a_wrong_multiple_is_refused(wrong):
    with pytest.raises(CarryError, match=rf"pad_to={wrong!r}.*such as 32"):
        tgc.dynamic_rnn(tgc.GRUCell(2), tf.ones([1, 2, 3]), dtype=tf.float32, pad_to=wrong)


@pytest.mark.parametrize(
    ("engine", "batch"),
    [("loop", 1), ("loop", 3), ("fused", 1), pytest.param("fused", 3, marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("kind", ["basic lstm", "lstm relu", "gru"])
def test_few_streams_are_stock(kind, batch, engine):
    # One step alone is a case of its own, and so is float32 where constants are written out.
    shapes = {1: ((1, 1, 2, 4), "float32"), 3: ((3, 7, 2, 4), "float64")}
    shape, dtype = shapes[batch]
    options = (shape, dtype, False, True, 3)
    error = largest_error(everything(kind, engine, *options), everything(kind, "stock", *options))
    assert error < {"float32": 1e-5, "float64": 1e-10}[dtype]


@pytest.mark.parametrize("engine", ["loop", "fused"])
def test_a_gradient_of_a_gradient_is_refused(engine):
    x = tf.placeholder(tf.float32, [None, None, 2])
    outputs, _ = tgc.dynamic_rnn(tgc.GRUCell(3), x, dtype=tf.float32, engine=engine)
    (slope,) = tf.gradients(outputs, x)
    with pytest.raises(CarryError, match=r"gradient of a gradient.*engine='stock'"):
        tf.gradients(tf.reduce_sum(slope**2), x)


@pytest.mark.parametrize("engine", ["stock", "loop", "fused"])
def test_not_a_number_in_the_padding_stays_there(engine):
    x = tf.placeholder(tf.float64, [None, None, 2])
    values = np.ones((2, 4, 2))
    values[0, 2:] = np.nan
    tf.set_random_seed(1)
    outputs, final = tgc.dynamic_rnn(
        tgc.GRUCell(3), x, tf.constant([2, 4]), dtype=tf.float64, engine=engine
    )
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        got, last = session.run([outputs, final], {x: values})
    assert np.isfinite(got).all() and np.isfinite(last).all()
    assert not got[0, 2:].any() and got[0, :2].all()


def test_why_not_names_what_stands_in_the_way():
    assert why_not(tgc.GRUCell(3)) is None
    assert why_not(tgc.LSTMCell(3)) is None
    assert "softsign" in why_not(tgc.GRUCell(3, "softsign"))
    assert "peepholes, num_proj" in why_not(tgc.LSTMCell(3, use_peepholes=True, num_proj=2))

    class Own(tgc.GRUCell):
        pass

    assert "Own" in why_not(Own(3)), "a subclass may compute anything"
