"""Models whose activations are plain tensors, so that they can be kept."""

import tensorflow.compat.v1 as tf

import tgcarry as tgc

STEPS, FEATURES, CLASSES, WORDS = 4, 3, 4, 6


def unrolled(cell, inputs, state, lengths=None):
    """Unrolls a cell over a known number of steps, in Python."""
    outputs = []
    for t in range(inputs.shape[1]):
        with tf.variable_scope("rnn", reuse=t > 0):
            output, new = cell(inputs[:, t], state)
        if lengths is not None:
            real = (t < lengths)[:, None]
            new = tf.nest.map_structure(
                lambda n, s, real=real: tf.where_v2(real, n, s), new, state
            )
            output = tf.where_v2(real, output, tf.zeros_like(output))
        outputs.append(output)
        state = new
    return tf.stack(outputs, 1), state


def chunk(
    cell=None,
    optimizer=None,
    *,
    engine=None,
    losses=1,
    embedded=False,
    dropout=False,
    dtype=tf.float64,
    twist=lambda outputs: outputs,
    synthetic=None,
):
    """Builds a chunk of STEPS steps that takes ragged ends, with what the arguments add to it.

    `engine` is one of `dynamic_rnn`; without one the cell is unrolled in Python. `twist` changes
    the outputs of the cell. `synthetic` is that of `build_chunk`.
    """
    cell = cell or tgc.GRUCell(5)
    y = tf.placeholder(tf.int32, [None, STEPS], "y")
    lengths = tf.placeholder(tf.int32, [None], "lengths")
    mask = tf.placeholder(dtype, [None, STEPS], "mask")
    feeds = {"y": y, "lengths": lengths, "mask": mask}
    if embedded:
        feeds["ids"] = tf.placeholder(tf.int32, [None, STEPS], "ids")
        x = tf.nn.embedding_lookup(
            tf.get_variable("table", [WORDS, FEATURES], dtype), feeds["ids"]
        )
    else:
        feeds["x"] = x = tf.placeholder(dtype, [None, STEPS, FEATURES], "x")
    ports = tgc.carry_ports(cell, dtype=dtype, losses=losses if losses > 1 else None)
    if engine is None:
        outputs, final = unrolled(cell, x, ports.initial_state, lengths)
    else:
        outputs, final = tgc.dynamic_rnn(cell, x, lengths, ports.initial_state, engine=engine)
    trunk = tf.trainable_variables()
    outputs = twist(outputs)
    if dropout:
        feeds["seed"] = tf.placeholder(tf.int32, [2], "seed")
        drawn = tf.random.stateless_uniform(tf.shape(outputs), feeds["seed"], dtype=dtype)
        outputs = outputs * tf.cast(drawn < 0.5, dtype)
    logits = tgc.losses.linear(outputs, CLASSES)
    loss, extra = tgc.losses.softmax_loss(logits, y, mask)
    if losses > 1:
        head = [v for v in tf.trainable_variables() if v not in trunk]
        half = len(trunk) // 2
        other = tf.reduce_sum(mask[..., None] * outputs**2)
        loss = [(loss, head + trunk[:half]), (other, trunk[half:])]
    return tgc.build_chunk(
        loss,
        ports,
        final,
        feeds,
        optimizer,
        metrics={"correct": extra.correct, "square": tf.reduce_sum(outputs**2)},
        synthetic=synthetic,
    )


def data(rng, chunks, batch=3, *, ragged=False, resets=False):
    """Draws a sequence of chunks with everything that any of the models is fed."""
    steps = chunks * STEPS
    arrays = {
        "x": rng.normal(size=(batch, steps, FEATURES)),
        "y": rng.integers(0, CLASSES, (batch, steps)),
        "ids": rng.integers(0, WORDS, (batch, steps)),
    }
    flags = rng.random((batch, steps)) < 0.3
    flags[:, [t for t in range(steps) if t % STEPS]] = False
    lengths = rng.integers(steps // 2, steps + 1, batch)
    return tgc.split_chunks(
        arrays,
        STEPS,
        lengths=lengths if ragged else None,
        resets=flags if resets else None,
    )


def of_any_length(optimizer=None):
    """Builds a chunk of any number of steps: `h_t = tanh(s U + sum_{i<=t} x_i W)`, `s' = h_L`."""
    x = tf.placeholder(tf.float64, [None, None, FEATURES], "x")
    cell = tgc.BasicRNNCell(5)
    ports = tgc.carry_ports(cell, dtype=tf.float64)
    w = tf.get_variable("w", [FEATURES, 5], tf.float64)
    u = tf.get_variable("u", [5, 5], tf.float64)
    driven = tf.cumsum(tf.einsum("btf,fh->bth", x, w), 1)
    h = tf.tanh(driven + tf.matmul(ports.initial_state, u)[:, None])
    return tgc.build_chunk(tf.reduce_sum(h**2), ports, h[:, -1], {"x": x}, optimizer)
