# ruff: noqa: B905, RUF005  Python 3.7 has no zip(strict=).
"""Small encoders and decoders, built alike on TensorFlow 1.15.5 and on tgcarry's facade.

`evaluate(tf, seq2seq, rnn_cell, dense, name)` returns arrays: names and shapes of the
variables, results, and gradients. Python 3.7 reads this file too.
"""

import zlib

import numpy as np

BATCH, STEPS, SOURCE, CLASSES, WIDTH, UNITS, BEAMS = 3, 5, 6, 7, 4, 5, 3
START, END = 1, 2


def values(key, shape, dtype=np.float32, scale=1.0):
    """Makes the same numbers for the same key everywhere."""
    random = np.random.RandomState(zlib.crc32(key.encode()) & 0x7FFFFFFF)
    return (scale * random.uniform(-1, 1, shape)).astype(dtype)


class Parts:
    """Holds what a case builds with."""

    def __init__(self, tf, seq2seq, rnn_cell, dense, options):
        self.tf, self.seq2seq, self.rnn_cell, self.dense = tf, seq2seq, rnn_cell, dense
        self.options = options
        self.dtype = np.float64 if options.get("float64") else np.float32
        self.batch = None if options.get("unknown_batch") else BATCH

    def given(self, key, shape, dtype=None):
        array = values(key, shape, dtype or self.dtype)
        return self.tf.placeholder_with_default(array, [self.batch] + list(shape[1:]))

    def lengths(self, array):
        return self.tf.constant(array, self.tf.int32)

    def mechanism(self, memory, lengths, kind=None):
        kind = kind or self.options.get("attention", "luong")
        s, extra = self.seq2seq, {"dtype": self.tf.as_dtype(self.dtype)}
        if kind == "luong":
            return s.LuongAttention(UNITS, memory, lengths, **extra)
        if kind == "luong_scaled":
            return s.LuongAttention(UNITS, memory, lengths, True, **extra)
        if kind == "bahdanau":
            return s.BahdanauAttention(UNITS, memory, lengths, **extra)
        if kind == "bahdanau_normed":
            return s.BahdanauAttention(UNITS, memory, lengths, normalize=True, **extra)
        if kind == "luong_monotonic":
            return s.LuongMonotonicAttention(
                UNITS, memory, lengths, scale=True, score_bias_init=-0.5, **extra
            )
        if kind == "bahdanau_monotonic":
            mode = self.options.get("mode", "parallel")
            return s.BahdanauMonotonicAttention(
                UNITS, memory, lengths, normalize=True, mode=mode, **extra
            )
        if kind == "hardmax":
            return s.BahdanauAttention(UNITS, memory, lengths, False, s.hardmax, **extra)
        raise ValueError(kind)

    def cell(self):
        kind = self.options.get("cell", "lstm")
        if kind == "gru":
            return self.rnn_cell.GRUCell(UNITS)
        if kind == "stack":
            return self.rnn_cell.MultiRNNCell(
                [self.rnn_cell.BasicLSTMCell(UNITS) for _ in range(2)]
            )
        return self.rnn_cell.LSTMCell(UNITS)

    def wrapped(self, times=1):
        """An attention cell over a memory, whose rows are repeated for the beams."""
        tf, o = self.tf, self.options
        memory = self.given("memory", [BATCH, SOURCE, WIDTH])
        lengths = self.lengths([6, 3, 5])
        if times > 1:
            memory = self.seq2seq.tile_batch(memory, times)
            lengths = self.seq2seq.tile_batch(lengths, times)
        if o.get("no_lengths"):
            lengths = None
        cell = self.cell()
        kinds = o.get("mechanisms")
        if kinds is None:
            mechanism, size = self.mechanism(memory, lengths), UNITS + 1
        else:
            mechanism = [self.mechanism(memory, lengths, kind) for kind in kinds]
            size = [UNITS + 1, UNITS][: len(kinds)]
        layer = None
        if o.get("no_layer"):
            size = None
        if o.get("own_layer"):
            size, layer = None, self.dense(UNITS, activation=tf.nn.relu, name="own")
        return self.seq2seq.AttentionWrapper(
            cell,
            mechanism,
            size,
            o.get("history", False),
            output_attention=not o.get("output_cell"),
            attention_layer=layer,
        )

    def initial(self, cell, rows, times=1):
        tf = self.tf
        state = cell.zero_state(rows, tf.as_dtype(self.dtype))
        if not hasattr(state, "cell_state"):
            return state
        flat = tf.nest.flatten(state.cell_state)
        encoded = [self.given("state%d" % i, [BATCH, UNITS]) for i in range(len(flat))]
        if times > 1:
            encoded = self.seq2seq.tile_batch(encoded, times)
        return state.clone(cell_state=tf.nest.pack_sequence_as(state.cell_state, encoded))

    def rows(self, times=1):
        if self.batch is not None:
            return self.batch * times
        return self.tf.shape(self.given("rows", [BATCH, 1]))[0] * times


def training_helper(p, inputs, lengths):
    tf, o = p.tf, p.options
    if o.get("helper") == "output":
        return p.seq2seq.ScheduledOutputTrainingHelper(
            inputs,
            lengths,
            p.dtype(1.0),
            next_inputs_fn=lambda y: y[:, :WIDTH],
            auxiliary_inputs=p.given("aux", [BATCH, STEPS, 2]),
        )
    if o.get("helper") == "embedding":
        return p.seq2seq.ScheduledEmbeddingTrainingHelper(
            inputs, lengths, tf.constant(values("table", [CLASSES, WIDTH])), 1.0
        )
    return p.seq2seq.TrainingHelper(inputs, lengths)


def train(p):
    tf, o = p.tf, p.options
    inputs = p.given("inputs", [BATCH, STEPS, WIDTH])
    lengths = p.lengths(o.get("lengths", [5, 2, 4]))
    cell = p.cell() if o.get("plain") else p.wrapped()
    helper = training_helper(p, inputs, lengths)
    layer = None if o.get("no_output_layer") else p.dense(CLASSES, name="classes")
    decoder = p.seq2seq.BasicDecoder(cell, helper, p.initial(cell, p.rows()), layer)
    outputs, state, found = p.seq2seq.dynamic_decode(
        decoder,
        output_time_major=bool(o.get("time_major")),
        impute_finished=bool(o.get("impute")),
        maximum_iterations=o.get("limit"),
        swap_memory=True,
    )
    logits = outputs.rnn_output
    if o.get("time_major"):
        logits = tf.transpose(logits, [1, 0, 2])
    targets = np.arange(BATCH * STEPS).reshape(BATCH, STEPS) % 5
    steps = o.get("limit") or max(o.get("lengths", [STEPS]))
    weights = tf.sequence_mask(lengths, steps, dtype=logits.dtype)
    loss = p.seq2seq.sequence_loss(logits, tf.constant(targets[:, :steps], tf.int32), weights)
    results = {"loss": loss, "logits": logits, "ids": outputs.sample_id, "lengths": found}
    if hasattr(state, "cell_state"):
        results["alignments"] = tf.concat(tf.nest.flatten(state.alignments), 1)
        results["attention"] = state.attention
        results["time"] = state.time
        for i, leaf in enumerate(tf.nest.flatten(state.cell_state)):
            results["state%d" % i] = leaf
    if o.get("history"):
        histories = state.alignment_history
        histories = histories if isinstance(histories, tuple) else (histories,)
        for i, history in enumerate(histories):
            results["history%d" % i] = history.stack()
    if not o.get("no_gradients"):
        for variable, gradient in zip(
            tf.trainable_variables(), tf.gradients(loss, tf.trainable_variables())
        ):
            if gradient is not None:
                results["gradient " + variable.op.name] = gradient
    return results


def greedy(p):
    tf = p.tf
    with tf.variable_scope("words"):
        table = tf.get_variable("table", [CLASSES, WIDTH])
    cell = p.wrapped()
    helper = p.seq2seq.GreedyEmbeddingHelper(table, tf.fill([p.rows()], START), END)
    decoder = p.seq2seq.BasicDecoder(
        cell, helper, p.initial(cell, p.rows()), p.dense(CLASSES, use_bias=False)
    )
    outputs, state, lengths = p.seq2seq.dynamic_decode(
        decoder, impute_finished=True, maximum_iterations=8, scope=p.options.get("scope")
    )
    return {
        "ids": outputs.sample_id,
        "logits": outputs.rnn_output,
        "lengths": lengths,
        "attention": state.attention,
    }


def shared(p):
    """Trains and infers in one graph, the inference with all of the training's variables."""
    tf, s = p.tf, p.seq2seq
    table = tf.get_variable("table", [CLASSES, WIDTH])
    layer = p.dense(CLASSES, use_bias=False, name="classes") if p.options["one_layer"] else None
    ids = np.arange(BATCH * STEPS).reshape(BATCH, STEPS) % CLASSES
    results, cell = {}, None
    for reuse in (None, True):
        with tf.variable_scope("decode", reuse=reuse):
            if cell is None or not p.options["one_layer"]:
                cell = p.wrapped()
            if reuse:
                helper = s.GreedyEmbeddingHelper(
                    lambda ids: tf.nn.embedding_lookup(table, ids), [START] * BATCH, END
                )
            else:
                helper = s.TrainingHelper(tf.nn.embedding_lookup(table, ids), p.lengths([5, 2, 4]))
            outputs, _, lengths = s.dynamic_decode(
                s.BasicDecoder(
                    cell,
                    helper,
                    p.initial(cell, BATCH),
                    layer or p.dense(CLASSES, name="projection"),
                ),
                maximum_iterations=6,
            )
            key = "infer" if reuse else "train"
            results[key + " logits"], results[key + " lengths"] = outputs.rnn_output, lengths
    loss = tf.reduce_mean(results["train logits"] ** 2)
    for variable, gradient in zip(
        tf.trainable_variables(), tf.gradients(loss, tf.trainable_variables())
    ):
        results["gradient " + variable.op.name] = tf.convert_to_tensor(gradient)
    return results


def draws(p):
    """Draws with seeds, which both draw alike from."""
    tf, s = p.tf, p.seq2seq
    tf.set_random_seed(4)
    table = tf.constant(values("table", [CLASSES, UNITS]))
    inputs, lengths = p.given("inputs", [BATCH, STEPS, UNITS]), p.lengths([5, 2, 4])
    helpers = {
        "sampled": s.SampleEmbeddingHelper(table, [START] * BATCH, END, 0.7, seed=3),
        "embedding": s.ScheduledEmbeddingTrainingHelper(
            inputs, lengths, table, 0.5, seed=1, scheduling_seed=2
        ),
        "output": s.ScheduledOutputTrainingHelper(
            inputs, lengths, 0.5, seed=5, next_inputs_fn=lambda y: y[:, :UNITS]
        ),
    }
    results = {}
    for key in sorted(helpers):
        cell = p.rnn_cell.GRUCell(UNITS, name="cell_" + key)
        decoder = s.BasicDecoder(
            cell,
            helpers[key],
            cell.zero_state(BATCH, tf.float32),
            p.dense(CLASSES, name="classes_" + key),
        )
        # Several rounds at once would draw in any order.
        outputs, _, found = s.dynamic_decode(decoder, maximum_iterations=6, parallel_iterations=1)
        results[key + " ids"], results[key + " logits"] = outputs.sample_id, outputs.rnn_output
        results[key + " lengths"] = found
    noisy = s.LuongMonotonicAttention(
        UNITS, p.given("memory", [BATCH, SOURCE, WIDTH]), sigmoid_noise=2.0, sigmoid_noise_seed=6
    )
    query = p.given("query", [BATCH, UNITS])
    results["noisy"] = noisy(query, noisy.initial_state(BATCH, tf.float32))[0]
    return results


def beam(p):
    tf, o = p.tf, p.options
    table = tf.get_variable("table", [CLASSES, WIDTH])
    cell = p.wrapped(BEAMS)
    decoder = p.seq2seq.BeamSearchDecoder(
        cell,
        table,
        tf.fill([p.rows()], START),
        END,
        p.initial(cell, p.rows(BEAMS), BEAMS),
        BEAMS,
        output_layer=p.dense(CLASSES, name="classes"),
        length_penalty_weight=o.get("length", 0.0),
        coverage_penalty_weight=o.get("coverage", 0.0),
    )
    outputs, state, lengths = p.seq2seq.dynamic_decode(
        decoder, maximum_iterations=9, output_time_major=bool(o.get("time_major"))
    )
    steps = outputs.beam_search_decoder_output
    results = {
        "ids": outputs.predicted_ids,
        "scores": steps.scores,
        "parents": steps.parent_ids,
        "step_ids": steps.predicted_ids,
        "log_probs": state.log_probs,
        "beam_lengths": state.lengths,
        "finished": state.finished,
        "lengths": lengths,
    }
    if o.get("history"):
        results["history"] = state.cell_state.alignment_history
    return results


def losses(p):
    tf = p.tf
    logits = p.given("logits", [BATCH, STEPS, CLASSES])
    targets = tf.constant(np.arange(BATCH * STEPS).reshape(BATCH, STEPS) % CLASSES)
    weights = np.ones([BATCH, STEPS], p.dtype)
    weights[:, 3:] = 0
    weights[1] = 0
    weights[2, :2] = 0.5
    results = {}
    for i, flags in enumerate(
        [
            (1, 1, 0, 0),
            (1, 0, 0, 0),
            (0, 1, 0, 0),
            (0, 0, 1, 1),
            (0, 0, 1, 0),
            (0, 0, 0, 1),
            (0, 0, 0, 0),
            (1, 0, 0, 1),
        ]
    ):
        results["loss%d" % i] = p.seq2seq.sequence_loss(
            logits, targets, tf.constant(weights), *[bool(flag) for flag in flags]
        )
    results["own"] = p.seq2seq.sequence_loss(
        logits,
        targets,
        tf.constant(weights),
        softmax_loss_function=lambda labels, logits: tf.cast(labels, logits.dtype) * logits[:, 0],
    )
    return results


def functions(p):
    tf, s = p.tf, p.seq2seq
    choose = tf.constant(np.abs(values("choose", [BATCH, SOURCE])))
    before = np.abs(values("before", [BATCH, SOURCE]))
    before = tf.constant(before / before.sum(1, keepdims=True))
    step = np.random.RandomState(0)
    ids = step.randint(0, CLASSES, [STEPS, BATCH, BEAMS]).astype(np.int32)
    parents = step.randint(0, BEAMS, [STEPS, BATCH, BEAMS]).astype(np.int32)
    results = {
        "recursive": s.monotonic_attention(choose, before, "recursive"),
        "parallel": s.monotonic_attention(choose, before, "parallel"),
        "hard": s.monotonic_attention(tf.round(choose), before, "hard"),
        "cumprod": s.safe_cumprod(choose, axis=1, exclusive=True, reverse=True),
        "hardmax": s.hardmax(choose),
        "tiled": s.tile_batch((choose, ids[0]), 2)[0],
        "tree": s.gather_tree(ids, parents, np.array([5, 3, 9], np.int32), 3),
        "tree_of_none": s.gather_tree(ids, parents, [0, 1, 4], END),
    }
    for key in ("recursive", "parallel"):
        results[key + "_gradient"] = tf.gradients(results[key] ** 2, choose)[0]
    return results


def options(build, **given):
    return dict(given, build=build)


CASES = {
    "luong": options(train),
    "luong_scaled": options(train, attention="luong_scaled", cell="gru", impute=True),
    "bahdanau": options(train, attention="bahdanau", cell="stack", history=True),
    "bahdanau_normed": options(train, attention="bahdanau_normed", impute=True, float64=True),
    "bahdanau_unknown": options(train, attention="bahdanau", unknown_batch=True, history=True),
    "luong_monotonic": options(train, attention="luong_monotonic", cell="gru"),
    "bahdanau_monotonic": options(train, attention="bahdanau_monotonic", no_lengths=True),
    "monotonic_recursive": options(train, attention="bahdanau_monotonic", mode="recursive"),
    "monotonic_hard": options(train, attention="bahdanau_monotonic", mode="hard"),
    "hardmax": options(train, attention="hardmax", no_layer=True),
    "several": options(train, mechanisms=["luong", "bahdanau"], history=True),
    "twice_the_same": options(train, mechanisms=["bahdanau", "bahdanau"], no_layer=True),
    "own_layer": options(train, own_layer=True, output_cell=True, time_major=True),
    "plain": options(train, plain=True, cell="stack", impute=True),
    "no_output_layer": options(train, no_output_layer=True, limit=3),
    "scheduled_output": options(train, helper="output", unknown_batch=True),
    "scheduled_embedding": options(train, helper="embedding", sharp=True, no_gradients=True),
    "empty_sequence": options(train, lengths=[0, 2, 4], impute=True, cell="gru"),
    "shared": options(shared, one_layer=True),
    "shared_again": options(shared, one_layer=False, attention="bahdanau_normed"),
    "draws": options(draws),
    "greedy": options(greedy),
    "greedy_scope": options(greedy, scope="mine", attention="bahdanau", unknown_batch=True),
    "beam": options(beam),
    "beam_length": options(beam, length=1.5, cell="gru", unknown_batch=True),
    "beam_coverage": options(beam, coverage=0.3, length=0.5, attention="bahdanau", cell="stack"),
    "beam_history": options(beam, history=True, time_major=True, unknown_batch=True),
    "losses": options(losses),
    "functions": options(functions),
}


def evaluate(tf, seq2seq, rnn_cell, dense, name):
    case = CASES[name]
    with tf.Graph().as_default(), tf.Session() as session:
        results = case["build"](Parts(tf, seq2seq, rnn_cell, dense, case))
        variables = tf.global_variables()
        for variable in variables:
            shape, dtype = variable.shape.as_list(), variable.dtype.base_dtype.as_numpy_dtype
            scale = 3000.0 if case.get("sharp") and "classes" in variable.op.name else 0.8
            variable.load(values(variable.op.name, shape, dtype, scale), session)
        arrays = dict(zip(results, session.run(list(results.values()))))
        arrays["names"] = np.array(sorted(v.op.name for v in variables) or [""])
        arrays["shapes"] = np.array(
            [key + " " + str(results[key].shape) for key in sorted(results)]
        )
    return arrays
