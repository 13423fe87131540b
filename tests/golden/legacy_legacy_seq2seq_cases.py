"""The models of `tf.contrib.legacy_seq2seq` whose numbers come from TensorFlow 1.15.5.

Read by `make_legacy_legacy_seq2seq_tf115.py` under Python 3.7 and by
`tests/test_legacy_legacy_seq2seq_golden.py` under today's Python: a case is a function of a
TensorFlow, of a module of cells and of the library.
"""

import collections
import zlib

import numpy as np

B, WIDTH, H, E, V = 3, 4, 5, 4, 7
SOURCE, TARGET = 3, 2


def numbers(key, shape, scale=0.7):
    """Draws normal numbers that depend on the key alone."""
    seed = zlib.crc32(key.encode()) & 0x7FFFFFFF
    return np.random.RandomState(seed).standard_normal(shape) * scale


class Case(object):
    """Gives a case its constant inputs."""

    def __init__(self, tf, cells, library, dtype):
        self.tf, self.cells, self.library, self.dtype = tf, cells, library, dtype

    def vectors(self, key, steps):
        return [
            self.tf.constant(numbers("%s%d" % (key, t), [B, WIDTH]), self.dtype)
            for t in range(steps)
        ]

    def symbols(self, key, steps):
        draws = [abs(numbers("%s%d" % (key, t), [B], 10)) for t in range(steps)]
        return [self.tf.constant(draw.astype("int32") % V) for draw in draws]

    def weights(self, steps):
        return [
            self.tf.constant(abs(numbers("weight%d" % t, [B])), self.dtype) for t in range(steps)
        ]

    def gru(self):
        return self.cells.GRUCell(H)

    def lstms(self):
        return self.cells.MultiRNNCell([self.cells.BasicLSTMCell(H), self.cells.GRUCell(H)])

    def projection(self):
        w = self.tf.get_variable("proj_w", [H, V], self.dtype)
        return w, self.tf.get_variable("proj_b", [V], self.dtype)

    def flag(self, value):
        return self.tf.constant(value)


def _basic(k):
    outputs, state = k.library.basic_rnn_seq2seq(
        k.vectors("x", SOURCE), k.vectors("y", TARGET), k.lstms(), dtype=k.dtype
    )
    return [outputs, state]


def _tied(k, **kwargs):
    return list(
        k.library.tied_rnn_seq2seq(
            k.vectors("x", SOURCE), k.vectors("y", TARGET), k.gru(), dtype=k.dtype, **kwargs
        )
    )


def _rnn_decoder(k):
    start = k.tf.constant(numbers("start", [B, H]), k.dtype)
    return list(
        k.library.rnn_decoder(
            k.vectors("y", TARGET),
            start,
            k.gru(),
            lambda prev, i: prev[:, :WIDTH] * float(i),
            "mine",
        )
    )


def _embedded(k, cell, **kwargs):
    return list(
        k.library.embedding_rnn_seq2seq(
            k.symbols("x", SOURCE), k.symbols("y", TARGET), cell, V, V, E, dtype=k.dtype, **kwargs
        )
    )


def _tied_embedded(k, **kwargs):
    return list(
        k.library.embedding_tied_rnn_seq2seq(
            k.symbols("x", SOURCE), k.symbols("y", TARGET), k.gru(), V, E, dtype=k.dtype, **kwargs
        )
    )


def _attention(k, cell, **kwargs):
    return list(
        k.library.embedding_attention_seq2seq(
            k.symbols("x", SOURCE), k.symbols("y", TARGET), cell, V, V, E, dtype=k.dtype, **kwargs
        )
    )


def _attention_decoder(k, **kwargs):
    start = k.tf.constant(numbers("start", [B, H]), k.dtype)
    memory = k.tf.constant(numbers("memory", [B, SOURCE, 6]), k.dtype)
    return list(
        k.library.attention_decoder(
            k.vectors("y", TARGET), start, memory, k.gru(), dtype=k.dtype, **kwargs
        )
    )


def _many(k, feed_previous):
    return list(
        k.library.one2many_rnn_seq2seq(
            k.symbols("x", SOURCE),
            collections.OrderedDict([("a", k.symbols("a", 1)), ("b", k.symbols("b", TARGET))]),
            k.gru(),
            {"a": k.gru(), "b": k.gru()},
            V,
            {"a": V, "b": V},
            E,
            feed_previous,
            k.dtype,
        )
    )


def _buckets(k, **kwargs):
    def model(x, y):
        return k.library.embedding_attention_seq2seq(
            x, y, k.cells.GRUCell(H), V, V, E, dtype=k.dtype
        )

    return list(
        k.library.model_with_buckets(
            k.symbols("x", SOURCE),
            k.symbols("y", TARGET),
            k.symbols("t", TARGET),
            k.weights(TARGET),
            [(2, 1), (SOURCE, TARGET)],
            model,
            **kwargs,
        )
    )


def _losses(k):
    logits = [k.tf.constant(numbers("l%d" % t, [B, V]), k.dtype) for t in range(TARGET)]
    targets, weights = k.symbols("t", TARGET), k.weights(TARGET)

    def squared(labels, logits):
        hot = k.tf.one_hot(labels, V, dtype=k.dtype)
        return k.tf.reduce_sum((hot - logits) ** 2, 1)

    lib = k.library
    return [
        lib.sequence_loss(logits, targets, weights),
        lib.sequence_loss(logits, targets, weights, False),
        lib.sequence_loss(logits, targets, weights, True, False, squared, "mine"),
        lib.sequence_loss_by_example(logits, targets, weights),
        lib.sequence_loss_by_example(logits, targets, weights, False, squared),
    ]


CASES = collections.OrderedDict(
    [
        ("basic", _basic),
        ("tied", _tied),
        ("tied_scope", lambda k: _tied(k, scope="mine")),
        ("rnn_decoder", _rnn_decoder),
        ("embedded", lambda k: _embedded(k, k.lstms())),
        ("embedded_fed", lambda k: _embedded(k, k.gru(), feed_previous=True)),
        (
            "embedded_projection",
            lambda k: _embedded(k, k.gru(), output_projection=k.projection(), feed_previous=True),
        ),
        ("embedded_true", lambda k: _embedded(k, k.lstms(), feed_previous=k.flag(True))),
        ("embedded_false", lambda k: _embedded(k, k.gru(), feed_previous=k.flag(False))),
        ("embedded_tied", _tied_embedded),
        ("embedded_tied_fed", lambda k: _tied_embedded(k, feed_previous=True)),
        (
            "embedded_tied_true",
            lambda k: _tied_embedded(k, num_decoder_symbols=6, feed_previous=k.flag(True)),
        ),
        ("attention", lambda k: _attention(k, k.lstms())),
        (
            "attention_heads",
            lambda k: _attention(k, k.gru(), num_heads=2, initial_state_attention=True),
        ),
        (
            "attention_projection",
            lambda k: _attention(
                k, k.gru(), output_projection=k.projection(), feed_previous=True, scope="mine"
            ),
        ),
        ("attention_true", lambda k: _attention(k, k.lstms(), feed_previous=k.flag(True))),
        ("attention_false", lambda k: _attention(k, k.gru(), feed_previous=k.flag(False))),
        ("attention_decoder", lambda k: _attention_decoder(k, output_size=2, num_heads=2)),
        ("attention_decoder_start", lambda k: _attention_decoder(k, initial_state_attention=True)),
        ("many", lambda k: _many(k, False)),
        ("many_true", lambda k: _many(k, k.flag(True))),
        ("buckets", _buckets),
        ("buckets_rows", lambda k: _buckets(k, per_example_loss=True)),
        ("losses", _losses),
    ]
)


def evaluate(tf, cells, library, name):
    """Returns a case's variables' names, values and gradients, and its number of operations."""
    dtype = "float32" if name.startswith(("attention", "buckets")) else "float64"
    with tf.Graph().as_default() as graph:
        with tf.variable_scope("model", dtype=dtype):
            built = CASES[name](Case(tf, cells, library, dtype))
        operations = len(graph.get_operations())
        values = [leaf for leaf in tf.nest.flatten(built) if leaf.dtype.is_floating]
        variables = tf.trainable_variables()
        names = [variable.name for variable in variables]
        loss = tf.add_n([tf.reduce_sum(tf.sin(value)) for value in values])
        gradients = tf.gradients(loss, variables) if variables else []
        gradients = [tf.convert_to_tensor(g) for g in gradients if g is not None]
        starts = {
            v.initializer.inputs[1]: numbers(v.name, v.shape.as_list()).astype(dtype)
            for v in variables
        }
        # Grappler would take longer than all runs.
        config = tf.ConfigProto()
        config.graph_options.rewrite_options.disable_meta_optimizer = True
        with tf.Session(config=config) as session:
            session.run([v.initializer for v in variables], starts)
            values, gradients = session.run([values, gradients])
        return {
            "names": np.array(names, dtype="U"),
            "operations": operations,
            "values": _flat(values),
            "gradients": _flat(gradients),
        }


def _flat(arrays):
    return np.concatenate([np.ravel(array) for array in arrays]) if arrays else np.zeros(0)
