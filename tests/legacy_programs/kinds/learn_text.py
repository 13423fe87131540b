"""Classifies sequences of ids with contrib.learn, contrib.layers and optimize_loss."""
import numpy as np
import tensorflow as tf
from tensorflow.contrib import layers, learn

tf.logging.set_verbosity(tf.logging.ERROR)
WORDS = 12


def rnn_model(features, target):
    target = tf.one_hot(target, 2, 1, 0)
    vectors = layers.embed_sequence(features, vocab_size=WORDS, embed_dim=6, scope="words")
    word_list = tf.unstack(vectors, axis=1)
    cell = tf.contrib.rnn.GRUCell(8)
    _, encoding = tf.contrib.rnn.static_rnn(cell, word_list, dtype=tf.float32)
    logits = layers.fully_connected(encoding, 2, activation_fn=None)
    loss = tf.losses.softmax_cross_entropy(target, logits)
    train_op = layers.optimize_loss(
        loss, tf.contrib.framework.get_global_step(), optimizer="Adam", learning_rate=0.05,
        clip_gradients=1.0)
    return {"class": tf.argmax(logits, 1), "prob": tf.nn.softmax(logits)}, loss, train_op


rng = np.random.RandomState(6)
x = rng.randint(0, WORDS, (120, 6))
y = (x.sum(1) > 33).astype(np.int64)
classifier = learn.SKCompat(learn.Estimator(
    model_fn=rnn_model, model_dir="text_model", config=learn.RunConfig(tf_random_seed=2)))
classifier.fit(x[:100], y[:100], steps=80, batch_size=20)
predictions = classifier.predict(x)
print(predictions["class"].shape, predictions["prob"].shape)
print("accuracy above 0.8:", np.mean(predictions["class"][:100] == y[:100]) > 0.8)

processor = learn.preprocessing.VocabularyProcessor(5)
documents = ["the cat sat", "the dog sat on the mat today", "a cat"]
print(np.array(list(processor.fit_transform(documents))).tolist())
print(len(processor.vocabulary_), np.array(list(processor.transform(["the unknown cat"]))).tolist())
