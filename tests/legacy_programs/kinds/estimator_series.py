"""A time series with tf.estimator: model_fn, numpy_input_fn, evaluation and prediction."""
import numpy as np
import tensorflow as tf

tf.logging.set_verbosity(tf.logging.ERROR)


def model_fn(features, labels, mode, params):
    stacked = tf.unstack(features["x"], axis=1)
    cell = tf.nn.rnn_cell.BasicLSTMCell(params["units"])
    outputs, _ = tf.nn.static_rnn(cell, stacked, dtype=tf.float32)
    predictions = tf.squeeze(tf.layers.dense(outputs[-1], 1), 1)
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tf.estimator.EstimatorSpec(mode, predictions={"y": predictions})
    loss = tf.losses.mean_squared_error(labels, predictions)
    if mode == tf.estimator.ModeKeys.EVAL:
        return tf.estimator.EstimatorSpec(
            mode, loss=loss, eval_metric_ops={"rmse": tf.metrics.root_mean_squared_error(labels, predictions)})
    train_op = tf.train.AdamOptimizer(params["rate"]).minimize(
        loss, global_step=tf.train.get_global_step())
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


t = np.arange(220) * 0.25
series = np.sin(t).astype(np.float32)
x = np.array([series[i:i + 10] for i in range(200)])[..., np.newaxis]
y = series[10:210]
estimator = tf.estimator.Estimator(
    model_fn, model_dir="series_model", params={"units": 8, "rate": 0.02},
    config=tf.estimator.RunConfig(tf_random_seed=17))
train_fn = tf.estimator.inputs.numpy_input_fn({"x": x[:150]}, y[:150], batch_size=25, num_epochs=None, shuffle=False)
test_fn = tf.estimator.inputs.numpy_input_fn({"x": x[150:]}, y[150:], batch_size=25, num_epochs=1, shuffle=False)
estimator.train(train_fn, steps=40)
first = estimator.evaluate(test_fn)
print(sorted(first), first["global_step"], "%.3f" % first["loss"])
estimator.train(train_fn, steps=40)
second = estimator.evaluate(test_fn)
print(second["global_step"], second["loss"] < first["loss"], "%.3f" % second["rmse"])
predicted = np.array([p["y"] for p in estimator.predict(test_fn)])
print(predicted.shape, "%.2f" % np.sqrt(np.mean((predicted - y[150:]) ** 2)))
print(sorted(estimator.get_variable_names())[:4])
