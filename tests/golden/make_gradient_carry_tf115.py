"""Writes what TensorFlow 1.15 computes for three models that carry gradients between chunks.

    pip install tensorflow==1.15.5 'protobuf<3.21'      # Python 3.7
    python tests/golden/make_gradient_carry_tf115.py

They come from the question "Carrying gradients from previous time steps to current time steps
with GRU in Tensorflow" and its answers, with smaller batches. All runs use one thread.

The rule. Weights and data of (a), (b) and (d) are not stored: `a_numbers()`, `b_upstream()`
and `d_numbers()` below make them again, with NumPy only. Each draws from one
`np.random.RandomState(seed)` in the order that its docstring gives.

In gradient_carry_tf115.npz, with `<d>` one of `float32` and `float64`:

(a) MultiRNNCell([GRUCell(64), GRUCell(32)], state_is_tuple=False) in the scope "GRU", state
    placeholder [3, 96], x [3, 7, 200], a head "output_layer/fc_weights", "fc_bias" with 3
    labels, loss = sum of softmax cross-entropies. Two chunks of 7 steps; the second starts
    from the first one's final state.

    a/names              [10] str        trainable variables in the order of creation
    a/shapes             [10] str        their shapes, as "264x128"
    a/<d>/loss           [2]             loss of chunk 1, of chunk 2
    a/<d>/final_state    [2, 3, 96]      their final states
    a/<d>/state_grad     [2, 3, 96]      d(own loss)/d(own initial state), nothing carried
    a/<d>/sums           [2, 10]         sum of each variable's gradient of the own loss
    a/<d>/norms          [2, 10]         Euclidean norm of the same
    a/<d>/exact/state_grad  [3, 96]      d(loss 1 + loss 2)/d(initial state of chunk 1), from
                                         one unbroken run of 14 steps
    a/<d>/exact/sums, norms [10]         gradients of loss 1 + loss 2 in that unbroken run
    a/<d>/carried/state_grad [3, 96]     the same, with the state gradient of chunk 2 as the
                                         grad_ys of chunk 1
    a/<d>/carried/sums, norms [10]       the same, sums of both chunks
    a/<d>/stale/state_grad  [3, 96]      chunk 2 with chunk 1's state gradient as grad_ys: what
                                         the question asks for
    a/<d>/stale/sums, norms [10]         chunk 2's gradients of its loss and that grad_ys

(b) The same cells in two dynamic_rnn calls, scopes "GRU_Layer1" and "GRU_Layer2", each with
    its own state placeholder; weights, x and labels of (a)'s chunk 1; zero states.

    b/names, b/shapes    [10] str        as above
    b/gradient_names     [10] str        names of the gradient tensors that compute_gradients
                                         makes in the name scope "Optimizer"
    b/gradient_shapes    [10] str        their shapes
    b/<d>/loss           []              the loss
    b/<d>/sums, norms    [10]            the loss's gradients
    b/<d>/grad1 [3, 64], grad2 [3, 32]   tf.gradients([new_state1, new_state2], [initial_state1,
                                         initial_state2], grad_ys=ones)
    b/<d>/grad1_random, grad2_random     the same with grad_ys = b_upstream()

(c) Two GRUCell(32), one after the other over 500 steps each, as answered, after
    tf.set_random_seed(123); inputs 1..1000, targets 2..1001, loss = sum |output - target|.

    c/names, c/shapes    [10] str        trainable variables in the order of creation
    c/<d>/value/<name>                   the initial weights that the run drew
    c/<d>/t1 [1, 1, 32]                  gradient at the initial state, assembled from parts
    c/<d>/t2 [1, 1, 32]                  the same from the whole loss
    c/<d>/grads1 [1, 32]                 d(loss2)/d(new_state1), the part that is carried
    c/<d>/losses         [3]             loss, loss1, loss2
    c/<d>/means          [2]             np.mean of t1 and t2
    c/<d>/sums           [2]             np.sum of t1 and t2
    c/<d>/printed        [2] str         the two lines that the program prints at its end
    c/mixed/...                          float64 graph with the float32 run's weights

(d) Two layers of widths 4 and 3 of each kind, `rnn`, `lstm`, `gru`, in float64, x [3, 6, 2],
    sequence_length [6, 4, 1]; a head of 5 labels, loss = softmax cross-entropy summed over the
    real steps, plus <upstream, final state>. For `<k>` a kind:

    d/<k>/loss           []              the cross-entropy alone
    d/<k>/outputs        [3, 6, 3]
    d/<k>/final/<n>                      leaves of the final state: layers from the input up,
                                         c before h
    d/<k>/initial/<n>                    gradients at the leaves of the initial state
    d/<k>/grad/<name>                    gradients of loss + <upstream, final state>
    d/<k>/inputs         [3, 6, 2]       the same at x
"""

# ruff: noqa: B905 (zip has no strict= in Python 3.7)
from __future__ import absolute_import, division, print_function

import os

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
BATCH, STEPS, FEATURES, LABELS, SIZES = 3, 7, 200, 3, (64, 32)


def gru_shapes(inputs, sizes):
    """Lists (layer, name, shape) of stacked GRU cells in TensorFlow's order of creation."""
    shapes = []
    for layer, units in enumerate(sizes):
        shapes.append((layer, "gates/kernel", (inputs + units, 2 * units)))
        shapes.append((layer, "gates/bias", (2 * units,)))
        shapes.append((layer, "candidate/kernel", (inputs + units, units)))
        shapes.append((layer, "candidate/bias", (units,)))
        inputs = units
    return shapes


def a_numbers():
    """Draws (a)'s weights, data and first state.

    Seed 1000. In this order, all float32: the eight GRU variables in order of creation, each
    uniform(-0.1, 0.1, shape); the head's weights [32, 3] and bias [3], the same; x
    [2, 3, 7, 200], standard_normal; labels [2, 3, 7], randint(3); the state [3, 96],
    uniform(-0.5, 0.5).

    Returns:
      (list of 10 weights, x, labels, state); x[0] is chunk 1, x[1] is chunk 2.
    """
    rng = np.random.RandomState(1000)
    shapes = [s for _, _, s in gru_shapes(FEATURES, SIZES)] + [(SIZES[-1], LABELS), (LABELS,)]
    weights = [rng.uniform(-0.1, 0.1, s).astype(np.float32) for s in shapes]
    x = rng.standard_normal((2, BATCH, STEPS, FEATURES)).astype(np.float32)
    labels = rng.randint(LABELS, size=(2, BATCH, STEPS)).astype(np.int32)
    state = rng.uniform(-0.5, 0.5, (BATCH, sum(SIZES))).astype(np.float32)
    return weights, x, labels, state


def b_upstream():
    """Draws (b)'s second pair of grad_ys: seed 2000, standard_normal [3, 64] and [3, 32]."""
    rng = np.random.RandomState(2000)
    return [rng.standard_normal((BATCH, units)).astype(np.float32) for units in SIZES]


def d_numbers(kind):
    """Draws (d)'s numbers for the kind "rnn", "lstm" or "gru".

    Seed 3000, float64, in this order: for each layer (inputs 2 and 4, units 4 and 3) its
    variables in order of creation, the head's weights [3, 5] and bias [5], all
    uniform(-1, 1); x [3, 6, 2] standard_normal; labels [3, 6] randint(5); the leaves of the
    initial state, then those of upstream, standard_normal.

    Returns:
      dict with `layers` (a dict of weights per layer), `head`, `x`, `labels`, `lengths`,
      `initial` and `upstream` (lists of leaves: layers from the input up, c before h).
    """
    rng = np.random.RandomState(3000)
    layers, inputs = [], 2
    for units in (4, 3):
        if kind == "gru":
            shapes = [(name, shape) for _, name, shape in gru_shapes(inputs, (units,))]
        else:
            width = 4 * units if kind == "lstm" else units
            shapes = [("kernel", (inputs + units, width)), ("bias", (width,))]
        layers.append({})
        for name, shape in shapes:
            layers[-1][name] = rng.uniform(-1, 1, shape)
        inputs = units
    head = (rng.uniform(-1, 1, (3, 5)), rng.uniform(-1, 1, (5,)))
    x = rng.standard_normal((3, 6, 2))
    labels = rng.randint(5, size=(3, 6)).astype(np.int32)
    leaves = [u for u in (4, 3) for _ in range(2 if kind == "lstm" else 1)]
    return {
        "layers": layers,
        "head": head,
        "x": x,
        "labels": labels,
        "lengths": np.array([6, 4, 1], np.int32),
        "initial": [rng.standard_normal((3, u)) for u in leaves],
        "upstream": [rng.standard_normal((3, u)) for u in leaves],
    }


def shape_text(shape):
    return "x".join(str(n) for n in shape)


def session(tf):
    """Opens a session with one thread, so that sums are taken in one order."""
    threads = {"intra_op_parallelism_threads": 1, "inter_op_parallelism_threads": 1}
    return tf.Session(config=tf.ConfigProto(**threads))


def digest(kept, prefix, arrays):
    arrays = [np.asarray(a, np.float64) for a in arrays]
    kept[prefix + "/sums"] = np.array([a.sum() for a in arrays])
    kept[prefix + "/norms"] = np.array([np.sqrt((a**2).sum()) for a in arrays])


def describe(kept, prefix, variables):
    kept[prefix + "/names"] = np.array([v.op.name for v in variables])
    kept[prefix + "/shapes"] = np.array([shape_text(v.shape.as_list()) for v in variables])


def head_and_loss(tf, output, units, labels):
    with tf.variable_scope("output_layer"):
        dtype = output.dtype
        fc_w = tf.get_variable("fc_weights", [units, labels[1]], dtype)
        fc_b = tf.get_variable("fc_bias", [labels[1]], dtype)
        predictions = tf.matmul(tf.reshape(output, [-1, units]), fc_w) + fc_b
    return tf.reduce_sum(
        tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=tf.reshape(labels[0], [-1]), logits=predictions
        )
    )


def part_a(tf, kept, dtype):
    weights, xs, labels, state = a_numbers()
    prefix = "a/" + dtype.name
    with tf.Graph().as_default(), session(tf) as sess:
        x = tf.placeholder(dtype, [BATCH, None, FEATURES], name="input_features")
        y = tf.placeholder(tf.int32, [BATCH, None], name="labels")
        with tf.variable_scope("GRU"):
            cell1 = tf.nn.rnn_cell.GRUCell(SIZES[0])
            cell2 = tf.nn.rnn_cell.GRUCell(SIZES[1])
            mcell = tf.nn.rnn_cell.MultiRNNCell([cell1, cell2], state_is_tuple=False)
            initial = tf.placeholder(dtype, [None, sum(SIZES)], name="initial_state")
            output, new = tf.nn.dynamic_rnn(mcell, x, dtype=dtype, initial_state=initial)
        loss = head_and_loss(tf, output, SIZES[1], (y, LABELS))
        variables = tf.trainable_variables()
        describe(kept, "a", variables)
        upstream = tf.placeholder(dtype, [None, sum(SIZES)], name="upstream")
        wanted = [initial, *variables]
        own = tf.gradients(loss, wanted)
        both = tf.gradients([loss, new], wanted, grad_ys=[tf.ones_like(loss), upstream])
        for variable, value in zip(variables, weights):
            variable.load(value, sess)

        first = {x: xs[0], y: labels[0], initial: state}
        loss1, new1, own1 = sess.run([loss, new, own], first)
        second = {x: xs[1], y: labels[1], initial: new1}
        loss2, new2, own2 = sess.run([loss, new, own], second)
        kept[prefix + "/loss"] = np.array([loss1, loss2])
        kept[prefix + "/final_state"] = np.array([new1, new2])
        kept[prefix + "/state_grad"] = np.array([own1[0], own2[0]])
        digest(kept, "1", own1[1:])
        digest(kept, "2", own2[1:])
        for name in ["sums", "norms"]:
            kept[prefix + "/" + name] = np.array([kept.pop("1/" + name), kept.pop("2/" + name)])

        whole = {x: np.concatenate(xs, 1), y: np.concatenate(labels, 1), initial: state}
        exact = sess.run(own, whole)
        kept[prefix + "/exact/state_grad"] = exact[0]
        digest(kept, prefix + "/exact", exact[1:])

        first[upstream] = own2[0]
        carried = sess.run(both, first)
        kept[prefix + "/carried/state_grad"] = carried[0]
        digest(kept, prefix + "/carried", [a + b for a, b in zip(carried[1:], own2[1:])])

        second[upstream] = own1[0]
        stale = sess.run(both, second)
        kept[prefix + "/stale/state_grad"] = stale[0]
        digest(kept, prefix + "/stale", stale[1:])


def part_b(tf, kept, dtype):
    weights, xs, labels, _ = a_numbers()
    prefix = "b/" + dtype.name
    with tf.Graph().as_default(), session(tf) as sess:
        x = tf.placeholder(dtype, [BATCH, None, FEATURES], name="input_features")
        y = tf.placeholder(tf.int32, [BATCH, None], name="labels")
        output, initial, new = x, [], []
        for layer, units in enumerate(SIZES):
            with tf.variable_scope("GRU_Layer%d" % (layer + 1)):
                cell = tf.nn.rnn_cell.GRUCell(units)
                initial.append(tf.placeholder(dtype, [None, units], name="initial_state"))
                output, state = tf.nn.dynamic_rnn(
                    cell, output, dtype=dtype, initial_state=initial[-1]
                )
                new.append(state)
        loss = head_and_loss(tf, output, SIZES[1], (y, LABELS))
        with tf.name_scope("Optimizer"):
            pairs = tf.train.AdamOptimizer().compute_gradients(loss, tf.trainable_variables())
        gradients = [g for g, _ in pairs]
        upstream = [tf.placeholder(dtype, [BATCH, units]) for units in SIZES]
        back = tf.gradients(new, initial, grad_ys=upstream)
        describe(kept, "b", [v for _, v in pairs])
        kept["b/gradient_names"] = np.array([g.name for g in gradients])
        kept["b/gradient_shapes"] = np.array([shape_text(g.shape.as_list()) for g in gradients])
        for (_, variable), value in zip(pairs, weights):
            variable.load(value, sess)

        feed = {x: xs[0], y: labels[0]}
        feed.update({s: np.zeros([BATCH, units]) for s, units in zip(initial, SIZES)})
        kept[prefix + "/loss"], values = sess.run([loss, gradients], feed)
        digest(kept, prefix, values)
        feed.update({u: np.ones([BATCH, units]) for u, units in zip(upstream, SIZES)})
        kept[prefix + "/grad1"], kept[prefix + "/grad2"] = sess.run(back, feed)
        feed.update(dict(zip(upstream, b_upstream())))
        kept[prefix + "/grad1_random"], kept[prefix + "/grad2_random"] = sess.run(back, feed)


def part_c(tf, kept, dtype, prefix, values=None):
    """Builds the answer's graph in its own order: the ops before an initialiser set its seed."""
    size, length, steps = 32, 1000, 500
    with tf.Graph().as_default(), session(tf) as sess:
        tf.set_random_seed(123)
        ins = [tf.placeholder(dtype, [None, steps, 1], "input_%d" % n) for n in (1, 2)]
        targets = [tf.placeholder(dtype, [None, steps, 1], "labels_%d" % n) for n in (1, 2)]
        labels = tf.concat(targets, axis=1, name="labels")
        with tf.variable_scope("GRU"):
            cells = [tf.nn.rnn_cell.GRUCell(size), tf.nn.rnn_cell.GRUCell(size)]
            initial = tf.placeholder(dtype, [None, size], "initial_state")
            with tf.variable_scope("First50"):
                output1, new_state1 = tf.nn.dynamic_rnn(
                    cells[0], ins[0], dtype=dtype, initial_state=initial
                )
            with tf.variable_scope("Second50"):
                output2, _ = tf.nn.dynamic_rnn(
                    cells[1], ins[1], dtype=dtype, initial_state=new_state1
                )
        with tf.variable_scope("output"):
            output = tf.reshape(tf.concat([output1, output2], axis=1), shape=[-1, size])
            output = tf.layers.dense(output, units=1)
            output = tf.reshape(output, shape=[1, length, 1])
        output1 = tf.slice(output, [0, 0, 0], [-1, steps, -1])
        output2 = tf.slice(output, [0, steps, 0], [-1, steps, 1])
        loss = tf.reduce_sum(tf.sqrt(tf.square(output - labels)))
        loss1 = tf.reduce_sum(tf.sqrt(tf.square(output1 - targets[0])))
        loss2 = tf.reduce_sum(tf.sqrt(tf.square(output2 - targets[1])))
        grads1 = tf.gradients(loss2, new_state1)
        grads2 = tf.gradients(loss1, initial)
        grads3 = tf.gradients(new_state1, initial, grad_ys=grads1)
        assembled = tf.add(grads2, grads3)
        whole = tf.gradients(loss, initial, grad_ys=None)

        variables = tf.trainable_variables()
        describe(kept, "c", variables)
        sess.run(tf.global_variables_initializer())
        for variable, value in zip(variables, values or []):
            variable.load(value, sess)
        numbers = np.arange(1, length + 2)
        feed = {
            ins[0]: np.reshape(numbers[:steps], newshape=(1, steps, 1)),
            ins[1]: np.reshape(numbers[steps:length], newshape=(1, steps, 1)),
            targets[0]: np.reshape(numbers[1 : steps + 1], newshape=(1, steps, 1)),
            targets[1]: np.reshape(numbers[steps + 1 :], newshape=(1, steps, 1)),
            initial: np.zeros([1, size]),
        }
        t1, t2, carried, losses = sess.run([assembled, whole, grads1, [loss, loss1, loss2]], feed)
        drawn = sess.run(variables)
    t2 = np.asarray(t2)
    if values is None:
        for variable, value in zip(variables, drawn):
            kept[prefix + "/value/" + variable.op.name] = value
    kept[prefix + "/t1"], kept[prefix + "/t2"] = t1, t2
    kept[prefix + "/grads1"] = carried[0]
    kept[prefix + "/losses"] = np.array(losses)
    kept[prefix + "/means"] = np.array([np.mean(t1), np.mean(t2)])
    kept[prefix + "/sums"] = np.array([np.sum(t1), np.sum(t2)])
    lines = ["%s %s" % (f(t1), f(t2)) for f in (np.mean, np.sum)]
    kept[prefix + "/printed"] = np.array(lines)
    print(prefix, lines, losses)
    return drawn


def part_d(tf, kept, kind):
    numbers = d_numbers(kind)
    prefix = "d/" + kind
    make = {
        "rnn": tf.nn.rnn_cell.BasicRNNCell,
        "lstm": tf.nn.rnn_cell.BasicLSTMCell,
        "gru": tf.nn.rnn_cell.GRUCell,
    }[kind]
    with tf.Graph().as_default(), session(tf) as sess:
        cell = tf.nn.rnn_cell.MultiRNNCell([make(4), make(3)])
        x = tf.constant(numbers["x"])
        leaves = [tf.constant(v) for v in numbers["initial"]]
        initial = tf.nest.pack_sequence_as(cell.state_size, leaves)
        lengths = tf.constant(numbers["lengths"])
        outputs, final = tf.nn.dynamic_rnn(cell, x, lengths, initial)
        variables = tf.trainable_variables()
        w, b = (tf.constant(v) for v in numbers["head"])
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=tf.constant(numbers["labels"]), logits=tf.tensordot(outputs, w, 1) + b
        )
        loss = tf.reduce_sum(losses * tf.sequence_mask(lengths, 6, tf.float64))
        final = tf.nest.flatten(final)
        total = loss + tf.add_n([tf.reduce_sum(u * f) for u, f in zip(numbers["upstream"], final)])
        grads = tf.gradients(total, [*variables, w, b, x, *leaves])
        for variable, value in zip(variables, [v for y in numbers["layers"] for v in y.values()]):
            variable.load(value, sess)
        value, outputs, final, grads = sess.run([loss, outputs, final, grads])
    kept[prefix + "/loss"], kept[prefix + "/outputs"] = value, outputs
    names = [v.op.name for v in variables] + ["head/weights", "head/bias"]
    for name, grad in zip(names, grads):
        kept[prefix + "/grad/" + name] = grad
    kept[prefix + "/inputs"] = grads[len(names)]
    for n, (leaf, grad) in enumerate(zip(final, grads[len(names) + 1 :])):
        kept[prefix + "/final/%d" % n] = leaf
        kept[prefix + "/initial/%d" % n] = grad


def main():
    import tensorflow as tf

    kept = {}
    for dtype in [tf.float32, tf.float64]:
        part_a(tf, kept, dtype)
        part_b(tf, kept, dtype)
    drawn = part_c(tf, kept, tf.float32, "c/float32")
    part_c(tf, kept, tf.float64, "c/float64")
    part_c(tf, kept, tf.float64, "c/mixed", drawn)
    for kind in ["rnn", "lstm", "gru"]:
        part_d(tf, kept, kind)
    np.savez_compressed(os.path.join(HERE, "gradient_carry_tf115.npz"), **kept)
    for name in sorted(kept):
        print(name, kept[name].shape, kept[name].dtype)


if __name__ == "__main__":
    main()
