"""A TensorFlow 1 program: estimators of both kinds on fixed data, started from constants."""

import tempfile

import numpy as np
import tensorflow as tf
from tensorflow.contrib import learn

tf.logging.set_verbosity(tf.logging.ERROR)

random = np.random.RandomState(0)
x = random.randn(60, 4, 3).astype(np.float32)
y = x[:, :, 0].sum(axis=1).astype(np.float32)


def recurrent_model(features, labels):
    constant = tf.constant_initializer(0.1)
    with tf.variable_scope("model", initializer=constant):
        cell = tf.nn.rnn_cell.BasicLSTMCell(3)
        outputs, _ = tf.nn.static_rnn(cell, tf.unstack(features, axis=1), dtype=tf.float32)
        prediction, loss = learn.models.linear_regression(outputs[-1], labels)
    optimizer = tf.train.GradientDescentOptimizer(0.1)
    step = optimizer.minimize(loss, global_step=tf.train.get_global_step())
    return prediction, loss, step


regressor = learn.SKCompat(learn.Estimator(recurrent_model, tempfile.mkdtemp()))
regressor.fit(x, y, batch_size=25, steps=20)
scores = regressor.score(x, y, metrics={"mae": tf.metrics.mean_absolute_error})
names = regressor._estimator.get_variable_names()
results = {
    "learn_prediction": regressor.predict(x),
    "learn_mae": scores["mae"],
    "learn_loss": scores["loss"],
    "learn_step": scores["global_step"],
    "learn_names": np.array(names),
}


def linear_model(features, labels, mode, params):
    dense = tf.layers.Dense(1, kernel_initializer=tf.zeros_initializer())
    prediction = tf.squeeze(dense(features["x"]), 1)
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tf.estimator.EstimatorSpec(mode, predictions={"prediction": prediction})
    loss = tf.losses.mean_squared_error(labels, prediction)
    optimizer = tf.train.GradientDescentOptimizer(params["rate"])
    step = optimizer.minimize(loss, tf.train.get_or_create_global_step())
    metrics = {"mae": tf.metrics.mean_absolute_error(labels, prediction)}
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=step, eval_metric_ops=metrics)


def rows(batch_size, num_epochs):
    return tf.estimator.inputs.numpy_input_fn(
        {"x": x[:, 0]}, y, batch_size=batch_size, num_epochs=num_epochs, shuffle=False
    )


config = tf.estimator.RunConfig(save_checkpoints_steps=5)
estimator = tf.estimator.Estimator(linear_model, tempfile.mkdtemp(), config, {"rate": 0.1})
estimator.train(rows(8, None), steps=12)
metrics = estimator.evaluate(rows(25, 1))
results["estimator_loss"] = metrics["loss"]
results["estimator_mae"] = metrics["mae"]
results["estimator_step"] = metrics["global_step"]
predictions = estimator.predict(rows(25, 1))
results["estimator_prediction"] = np.array([row["prediction"] for row in predictions])
results["estimator_names"] = np.array(estimator.get_variable_names())
tf.estimator.train_and_evaluate(
    estimator,
    tf.estimator.TrainSpec(rows(8, None), max_steps=20),
    tf.estimator.EvalSpec(rows(25, 1), throttle_secs=0, start_delay_secs=0),
)
results["estimator_kernel"] = estimator.get_variable_value("dense/kernel")

texts = ["The NASA Space-Shuttle isn't here", "space here HERE", "camelCase word_two ab12"]
processor = learn.preprocessing.VocabularyProcessor(5)
results["words"] = np.array(list(processor.fit_transform(texts)))
results["words_size"] = len(processor.vocabulary_)
frequent = learn.preprocessing.VocabularyProcessor(6, min_frequency=1)
results["frequent_words"] = np.array(list(frequent.fit_transform([*texts, *texts[:2]])))
results["bytes"] = np.array(list(learn.preprocessing.ByteProcessor(6).transform(texts)))
results["text"] = np.array(list(frequent.reverse(results["frequent_words"])))
