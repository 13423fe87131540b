#!/usr/bin/env python
# -*- coding: utf-8 -*-
"""A word model in Python 2: print statements, xrange, iteritems, integer division, cPickle."""
import cPickle
import collections
import os
from itertools import izip

import numpy as np
import tensorflow as tf

text = u"to be or not to be that is the question whether tis nobler in the mind to suffer " * 12
words = text.split()
counts = collections.Counter(words)
pairs = sorted(counts.items(), key=lambda (w, c): (-c, w))
vocab = dict((w, i) for i, (w, _) in enumerate(pairs))
inverse = {}
for word, index in vocab.iteritems():
    inverse[index] = word
print "words:", len(words), "kinds:", len(vocab)
print "most common: %s" % ", ".join("%s=%d" % p for p in pairs[:3])
cPickle.dump(vocab, open("vocab.pkl", "wb"), 2)
print cPickle.load(open("vocab.pkl", "rb")) == vocab, vocab.has_key("to"), 7 / 2, -7 / 2, 7 / 2.0

batch, steps = 4, 5
ids = np.array([vocab[w] for w in words])
count = len(ids) / (batch * steps)
ids = ids[:count * batch * steps]
xs = ids.reshape(batch, -1)
ys = np.roll(ids, -1).reshape(batch, -1)

tf.set_random_seed(17)
x = tf.placeholder(tf.int32, [batch, steps])
y = tf.placeholder(tf.int32, [batch, steps])
emb = tf.get_variable("emb", [len(vocab), 12])
cell = tf.nn.rnn_cell.BasicLSTMCell(12)
outputs, _ = tf.nn.dynamic_rnn(cell, tf.nn.embedding_lookup(emb, x), dtype=tf.float32)
w = tf.get_variable("w", [12, len(vocab)])
logits = tf.reshape(tf.matmul(tf.reshape(outputs, [-1, 12]), w), [batch, steps, -1])
loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=y))
train = tf.train.AdamOptimizer(0.02).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.initialize_all_variables())
    for epoch in xrange(3):
        total = 0
        for i in xrange(count):
            a, b = i * steps, (i + 1) * steps
            value, _ = sess.run([loss, train], {x: xs[:, a:b], y: ys[:, a:b]})
            total += value
        print "epoch %d, loss %.4f" % (epoch, total / count)
    half = tf.constant(7) / tf.constant(2)
    print sess.run(half),
    print sess.run(tf.constant([1, 5]) / 2).tolist()
for a, b in izip(range(3), map(lambda v: v * v, [1, 2, 3])):
    print a, b
try:
    raise ValueError, "old"
except ValueError, error:
    print "caught", error
print sorted(inverse.keys())[:3], `1 + 1`, os.path.exists("vocab.pkl"), 0777, 10L
print >>open("out.txt", "w"), "to a file"
print open("out.txt").read().strip()
