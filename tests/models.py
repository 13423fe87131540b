"""Small models on a fresh graph, the same weights in tgcarry and in the oracle."""

import itertools
from typing import Any, NamedTuple

import numpy as np
import oracle
import tensorflow.compat.v1 as tf
from loading import load_all

import tgcarry as tgc

FEATURES, CLASSES = 3, 4
CELLS = {"gru": tgc.GRUCell, "lstm": tgc.BasicLSTMCell, "rnn": tgc.BasicRNNCell}


class Model(NamedTuple):
    kind: str
    layers: list
    head: tuple
    tuples: bool
    dtype: tf.DType
    ports: Any
    final_state: Any
    loss: tf.Tensor
    feeds: dict
    resets: tf.Tensor


def weights_for(kind, units, rng, scale=0.4):
    """Draws oracle layers and a softmax head.

    Recurrent weights much larger make a basic RNN chaotic: over 1000 steps any float32
    arithmetic then drifts from float64 by more than 1e-5, the unbroken graph's too.
    """
    layers, width = [], FEATURES
    for n in units:
        gates = {"rnn": 1, "lstm": 4, "gru": None}[kind]
        if gates is None:
            shapes = {
                "gates/kernel": (width + n, 2 * n),
                "gates/bias": (2 * n,),
                "candidate/kernel": (width + n, n),
                "candidate/bias": (n,),
            }
        else:
            shapes = {"kernel": (width + n, gates * n), "bias": (gates * n,)}
        params = {k: rng.normal(size=s) * scale for k, s in shapes.items()}
        layers.append(oracle.Layer(kind, params))
        width = n
    head = (rng.normal(size=(width, CLASSES)), rng.normal(size=CLASSES))
    return layers, head


def build(kind, units, tuples, dtype, rng, in_graph_resets=False, engine="loop"):
    """Builds a stacked model with a softmax head; `load` puts the oracle's weights in.

    Not compiled, unless asked for: a test with many lengths would spend its time in XLA.
    """
    layers, head = weights_for(kind, units, rng)
    options = {"state_is_tuple": tuples} if kind == "lstm" else {}
    cells = [CELLS[kind](n, **options) for n in units]
    cell = tgc.MultiRNNCell(cells, state_is_tuple=tuples) if len(cells) > 1 else cells[0]
    x = tf.placeholder(dtype, [None, None, FEATURES], "x")
    y = tf.placeholder(tf.int32, [None, None], "y")
    lengths = tf.placeholder(tf.int32, [None], "lengths")
    mask = tf.placeholder(dtype, [None, None], "mask")
    resets = tf.placeholder(tf.bool, [None, None], "resets") if in_graph_resets else None
    ports = tgc.carry_ports(cell, dtype=dtype)
    outputs, final = tgc.dynamic_rnn(
        cell, x, lengths, initial_state=ports.initial_state, engine=engine, resets=resets
    )
    logits = tgc.losses.linear(outputs, CLASSES)
    loss, _ = tgc.losses.softmax_loss(logits, y, mask)
    feeds = {"x": x, "y": y, "lengths": lengths, "mask": mask}
    return Model(kind, layers, head, tuples, dtype, ports, final, loss, feeds, resets)


def oracle_order(model):
    """Lists the oracle's weights in the order in which the graph made its variables."""
    return [value for layer in model.layers for value in layer.params.values()] + list(model.head)


def load(model, session):
    """Assigns the oracle's weights to the model's variables."""
    variables = tf.trainable_variables()
    values = {}
    for variable, value in zip(variables, oracle_order(model), strict=True):
        assert variable.shape.as_list() == list(value.shape), variable.name
        values[variable] = value.astype(model.dtype.as_numpy_dtype)
    load_all(values, session)


def gradient_order(result):
    """Lists an oracle result's weight gradients in the same order."""
    return [g for layer in result.layers for g in layer.values()] + list(result.head)


def to_nest(model, states):
    """Turns the oracle's states (one per layer) into the cell's nest."""
    dtype = model.dtype.as_numpy_dtype
    cast = [tf.nest.map_structure(lambda a: np.asarray(a, dtype), s) for s in states]
    if not model.tuples:
        return np.concatenate([leaf for s in cast for leaf in tf.nest.flatten(s)], 1)
    cells = [tgc.LSTMStateTuple(*s) if model.kind == "lstm" else s for s in cast]
    return tuple(cells) if len(cells) > 1 else cells[0]


def relative(got, wanted):
    """Largest deviation over all arrays, relative to the largest entry wanted."""
    got, wanted = tf.nest.flatten(got), tf.nest.flatten(wanted)
    top = max(float(np.max(np.abs(w))) for w in wanted)
    return (
        max(
            float(np.max(np.abs(np.asarray(g, np.float64) - w)))
            for g, w in zip(got, wanted, strict=True)
        )
        / top
    )


class Case(NamedTuple):
    x: np.ndarray
    y: np.ndarray
    initial: list
    cuts: list
    lengths: np.ndarray
    resets: np.ndarray


def draw_case(model, rng, batch, steps, most_chunks=7):
    """Draws data, a random chunking, resets at some of its starts, and ragged ends.

    Stream 0 runs through without either, so that a lost carry always shows.
    """
    count = int(rng.integers(2, most_chunks + 1))
    cuts = sorted(rng.choice(np.arange(1, steps), count - 1, replace=False).tolist())
    lengths = rng.integers(steps // 2, steps + 1, batch)
    lengths[0] = steps
    resets = np.zeros((batch, steps), bool)
    for start in cuts:
        resets[:, start] = (rng.random(batch) < 0.4) & (start < lengths)
    resets[0] = False
    zero = oracle.zero_states(model.layers, batch)
    initial = [tf.nest.map_structure(lambda a: rng.normal(size=a.shape), s) for s in zero]
    x = rng.normal(size=(batch, steps, FEATURES))
    y = rng.integers(0, CLASSES, (batch, steps))
    return Case(x, y, initial, cuts, lengths, resets)


def chunks_of(model, case):
    """Cuts a case into the data chunks that the runner reads."""
    edges = [0, *case.cuts, case.x.shape[1]]
    arrays = {"x": case.x.astype(model.dtype.as_numpy_dtype), "y": case.y.astype(np.int32)}
    sizes = [b - a for a, b in itertools.pairwise(edges)]
    return tgc.split_chunks(arrays, sizes, lengths=case.lengths, resets=case.resets)
