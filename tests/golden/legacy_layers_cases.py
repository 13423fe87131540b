"""Small graphs of `tf.layers` and `tf.contrib`, for 1.15.5 and for tgcarry's facade alike."""

import numpy as np

RNG = np.random.RandomState(7)
MATRIX = RNG.randn(5, 6).astype("float32")
SEQUENCE = RNG.randn(3, 4, 6).astype("float32")
IMAGE = RNG.randn(2, 7, 6, 4).astype("float32")
IDS = np.array([[1, 3, 0], [4, 2, 2]], "int32")
LABELS = (RNG.rand(5, 6) > 0.5).astype("float32")


def _is_training(tf):
    return tf.placeholder_with_default(True, [])


CASES = {
    "dense": lambda tf, c, x: tf.layers.dense(x["matrix"], 3, tf.nn.relu, name="d"),
    "dense_sequence": lambda tf, c, x: tf.layers.dense(x["sequence"], 3, use_bias=False),
    "dense_regularized": lambda tf, c, x: tf.layers.dense(
        x["matrix"], 3, kernel_regularizer=c.layers.l2_regularizer(0.1), activation="tanh"
    ),
    "flatten": lambda tf, c, x: tf.layers.flatten(x["image"]),
    "conv1d": lambda tf, c, x: tf.layers.conv1d(x["sequence"], 5, 2, padding="same"),
    "conv2d": lambda tf, c, x: tf.layers.conv2d(x["image"], 5, [3, 3], (2, 2), "same"),
    "conv2d_transpose": lambda tf, c, x: tf.layers.conv2d_transpose(x["image"], 3, 3, 2),
    "separable_conv2d": lambda tf, c, x: tf.layers.separable_conv2d(x["image"], 3, 3),
    "max_pooling2d": lambda tf, c, x: tf.layers.max_pooling2d(x["image"], 2, 2),
    "average_pooling1d": lambda tf, c, x: tf.layers.average_pooling1d(x["sequence"], 2, 1),
    "batch_normalization": lambda tf, c, x: tf.layers.batch_normalization(
        x["matrix"], training=True
    ),
    "batch_normalization_image": lambda tf, c, x: tf.layers.batch_normalization(
        x["image"], training=_is_training(tf), momentum=0.9
    ),
    "batch_normalization_still": lambda tf, c, x: tf.layers.batch_normalization(x["matrix"]),
    "dropout_still": lambda tf, c, x: tf.layers.dropout(x["matrix"], 0.5),
    "fully_connected": lambda tf, c, x: c.layers.fully_connected(
        x["matrix"], 3, weights_regularizer=c.layers.l1_l2_regularizer(0.1, 0.2)
    ),
    "fully_connected_sequence": lambda tf, c, x: c.layers.fully_connected(
        x["sequence"], 3, activation_fn=None, scope="out"
    ),
    "linear": lambda tf, c, x: c.layers.linear(x["matrix"], 2),
    "relu6": lambda tf, c, x: c.layers.relu6(x["matrix"], 2),
    "fully_connected_normalized": lambda tf, c, x: c.layers.fully_connected(
        x["matrix"], 3, normalizer_fn=c.layers.batch_norm
    ),
    "contrib_conv2d": lambda tf, c, x: c.layers.conv2d(
        x["image"], 3, [3, 3], normalizer_fn=c.layers.batch_norm
    ),
    "contrib_conv2d_transpose": lambda tf, c, x: c.layers.conv2d_transpose(x["image"], 3, 3, 2),
    "contrib_separable": lambda tf, c, x: c.layers.separable_conv2d(x["image"], 3, 3, 2),
    "contrib_depthwise": lambda tf, c, x: c.layers.separable_conv2d(x["image"], None, 3, 2),
    "contrib_max_pool2d": lambda tf, c, x: c.layers.max_pool2d(x["image"], 2),
    "contrib_flatten": lambda tf, c, x: c.layers.flatten(x["sequence"]),
    "batch_norm": lambda tf, c, x: c.layers.batch_norm(x["matrix"], scale=True),
    "batch_norm_image": lambda tf, c, x: c.layers.batch_norm(
        x["image"], is_training=_is_training(tf), decay=0.9
    ),
    "batch_norm_now": lambda tf, c, x: c.layers.batch_norm(
        x["matrix"], updates_collections=None, is_training=_is_training(tf)
    ),
    "batch_norm_still": lambda tf, c, x: c.layers.batch_norm(x["matrix"], is_training=False),
    "batch_norm_not_fused": lambda tf, c, x: c.layers.batch_norm(x["sequence"], fused=False),
    "batch_norm_weighted": lambda tf, c, x: c.layers.batch_norm(
        x["matrix"], batch_weights=np.array([1, 0, 2, 1, 0], "float32"), scale=True
    ),
    "layer_norm": lambda tf, c, x: c.layers.layer_norm(x["matrix"], activation_fn=tf.tanh),
    "layer_norm_axes": lambda tf, c, x: c.layers.layer_norm(x["sequence"], begin_norm_axis=-1),
    "instance_norm": lambda tf, c, x: c.layers.instance_norm(x["image"]),
    "group_norm": lambda tf, c, x: c.layers.group_norm(x["image"], groups=2),
    "bias_add": lambda tf, c, x: c.layers.bias_add(x["matrix"]),
    "one_hot_encoding": lambda tf, c, x: c.layers.one_hot_encoding(x["ids"], 5),
    "softmax": lambda tf, c, x: c.layers.softmax(x["sequence"]),
    "maxout": lambda tf, c, x: c.layers.maxout(x["matrix"], 3),
    "unit_norm": lambda tf, c, x: c.layers.unit_norm(x["matrix"], 1),
    "embed_sequence": lambda tf, c, x: c.layers.embed_sequence(x["ids"], 5, 3),
    "embed_sequence_unique": lambda tf, c, x: c.layers.embed_sequence(x["ids"], 5, 3, unique=True),
    "bow_encoder": lambda tf, c, x: c.layers.bow_encoder(x["ids"], 5, 3),
    "stack": lambda tf, c, x: c.layers.stack(x["matrix"], c.layers.fully_connected, [4, 3]),
    "repeat": lambda tf, c, x: c.layers.repeat(x["matrix"], 2, c.layers.fully_connected, 3),
    "legacy": lambda tf, c, x: c.layers.legacy_fully_connected(x["sequence"], 2),
    "loss_mse": lambda tf, c, x: c.losses.mean_squared_error(
        x["matrix"], x["labels"], weights=np.array([0.0, 1.0, 2.0, 0.0, 1.0], "float32")
    ),
    "loss_abs": lambda tf, c, x: c.losses.absolute_difference(x["matrix"], x["labels"]),
    "loss_log": lambda tf, c, x: c.losses.log_loss(tf.sigmoid(x["matrix"]), x["labels"]),
    "loss_hinge": lambda tf, c, x: c.losses.hinge_loss(x["matrix"], x["labels"]),
    "loss_sigmoid": lambda tf, c, x: c.losses.sigmoid_cross_entropy(
        x["matrix"], x["labels"], label_smoothing=0.1
    ),
    "loss_softmax": lambda tf, c, x: c.losses.softmax_cross_entropy(
        x["matrix"], x["labels"], label_smoothing=0.1
    ),
    "loss_sparse": lambda tf, c, x: c.losses.sparse_softmax_cross_entropy(
        x["matrix"], tf.constant([[0], [5], [2], [1], [1]])
    ),
    "loss_pairwise": lambda tf, c, x: c.losses.mean_pairwise_squared_error(
        x["matrix"], x["labels"]
    ),
    "loss_cosine": lambda tf, c, x: c.losses.cosine_distance(x["matrix"], x["labels"], axis=1),
    "nadam": lambda tf, c, x: _trained(tf, x, c.opt.NadamOptimizer(0.1)),
    "lazy_adam": lambda tf, c, x: _embedded(tf, x, c.opt.LazyAdamOptimizer(0.1)),
    "nadam_sparse": lambda tf, c, x: _embedded(tf, x, c.opt.NadamOptimizer(0.1)),
    "adamw": lambda tf, c, x: _shrunk(tf, x, c.opt.AdamWOptimizer(0.01, 0.1)),
    "optimize_loss": lambda tf, c, x: _optimized(tf, c, x, "Adam", clip_gradients=0.5),
    "optimize_loss_sgd": lambda tf, c, x: _optimized(
        tf,
        c,
        x,
        "SGD",
        learning_rate_decay_fn=lambda rate, step: tf.train.exponential_decay(rate, step, 1, 0.5),
        gradient_multipliers={"dense/bias": 2.0},
    ),
}


def _scoped(tf, c, x):
    with c.framework.arg_scope(
        [c.layers.fully_connected],
        activation_fn=tf.tanh,
        variables_collections={"weights": ["mine"]},
        outputs_collections="ends",
    ):
        hidden = c.layers.fully_connected(x["matrix"], 4, scope="a")
        return c.layers.fully_connected(hidden, 3, scope="b", activation_fn=None)


CASES["arg_scope"] = _scoped


def _shrunk(tf, x, optimizer):
    # The gradient has to be the same before and after shrinking: 1.15 leaves the order open.
    kernel = tf.get_variable("kernel", [6, 2])
    step = optimizer.minimize(tf.reduce_sum(tf.matmul(x["matrix"], kernel)))
    with tf.control_dependencies([step]):
        return tf.identity(1.0)


def _trained(tf, x, optimizer):
    kernel = tf.get_variable("kernel", [6, 2])
    loss = tf.reduce_sum(tf.square(tf.matmul(x["matrix"], kernel) - 1))
    step = optimizer.minimize(loss)
    with tf.control_dependencies([step]):
        return tf.identity(loss)


def _embedded(tf, x, optimizer):
    table = tf.get_variable("table", [6, 2])
    loss = tf.reduce_sum(tf.square(tf.nn.embedding_lookup(table, x["ids"]) - 1))
    step = optimizer.minimize(loss)
    with tf.control_dependencies([step]):
        return tf.identity(loss)


def _optimized(tf, c, x, optimizer, **kwargs):
    outputs = tf.layers.dense(x["matrix"], 2, name="dense")
    loss = tf.reduce_mean(tf.square(outputs - 1))
    step = tf.train.get_or_create_global_step()
    return c.layers.optimize_loss(loss, step, 0.1, optimizer, **kwargs)


def _values(tf, variables):
    """Gives each variable numbers of its own that only depend on its place and shape."""
    found = {}
    for place, variable in enumerate(variables):
        if variable.dtype.base_dtype.is_floating:
            shape = tuple(variable.shape.as_list())
            drawn = np.random.RandomState(100 + place).rand(*shape) - 0.3
            drawn = np.asarray(drawn, "float32")
            found[variable] = np.abs(drawn) if "variance" in variable.op.name else drawn
    return found


_KEPT = ("learning_rate", "beta1_power", "beta2_power", "Adam", "Nadam")


def evaluate(tf, c, name):
    """Returns what a case makes: names, shapes, collections, numbers before and after updates."""
    with tf.Graph().as_default(), tf.Session() as session:
        inputs = {
            "matrix": tf.constant(MATRIX),
            "sequence": tf.constant(SEQUENCE),
            "image": tf.constant(IMAGE),
            "ids": tf.constant(IDS),
            "labels": tf.constant(LABELS),
        }
        output = CASES[name](tf, c, inputs)
        variables = tf.global_variables()
        session.run(tf.global_variables_initializer())
        chosen = [v for v in variables if not any(k in v.op.name for k in _KEPT)]
        for variable, value in _values(tf, chosen).items():
            variable.load(value, session)
        collections = {
            key: [getattr(item, "name", "") for item in tf.get_collection(key)]
            for key in ("trainable_variables", "model_variables", "mine", "ends", "losses")
        }
        losses = tf.get_collection("regularization_losses")
        updates = tf.get_collection("update_ops")
        found = {
            "names": np.array([v.op.name for v in variables] or [""]),
            "shapes": np.array([str(v.shape.as_list()) for v in variables] or [""]),
            "collections": np.array(
                [k + "=" + ",".join(v) for k, v in sorted(collections.items())]
            ),
            "updates": np.array([len(updates)]),
            "loss_names": np.array([item.name for item in losses] or [""]),
            "output_name": np.array([output.op.name.split("/")[0]]),
            "output": session.run(output),
            "losses": np.array(session.run(losses), "float32"),
        }
        if name.startswith("optimize") or "adam" in name:
            found["output_again"] = session.run(output)
        session.run(updates)
        for place, variable in enumerate(variables):
            found["variable%d" % place] = session.run(variable)
        return found
