"""A character model as many repositories had it: rnn_decoder, a loop function, sampling."""
import argparse
import collections

import numpy as np
import tensorflow as tf
from tensorflow.contrib import legacy_seq2seq, rnn

TEXT = "the cat sat on the mat and the dog sat on the log. " * 60


class Model():
    def __init__(self, args, training=True):
        if not training:
            args.batch_size = 1
            args.seq_length = 1
        cells = []
        for _ in range(args.num_layers):
            cell = {"lstm": rnn.BasicLSTMCell, "gru": rnn.GRUCell, "rnn": rnn.BasicRNNCell,
                    "nas": rnn.NASCell}[args.model](args.rnn_size)
            if training and (args.output_keep_prob < 1.0 or args.input_keep_prob < 1.0):
                cell = rnn.DropoutWrapper(cell, input_keep_prob=args.input_keep_prob,
                                          output_keep_prob=args.output_keep_prob)
            cells.append(cell)
        self.cell = cell = rnn.MultiRNNCell(cells, state_is_tuple=True)
        self.input_data = tf.placeholder(tf.int32, [args.batch_size, args.seq_length])
        self.targets = tf.placeholder(tf.int32, [args.batch_size, args.seq_length])
        self.initial_state = cell.zero_state(args.batch_size, tf.float32)
        with tf.variable_scope("rnnlm"):
            softmax_w = tf.get_variable("softmax_w", [args.rnn_size, args.vocab_size])
            softmax_b = tf.get_variable("softmax_b", [args.vocab_size])
        embedding = tf.get_variable("embedding", [args.vocab_size, args.rnn_size])
        inputs = tf.nn.embedding_lookup(embedding, self.input_data)
        if training and args.output_keep_prob:
            inputs = tf.nn.dropout(inputs, args.output_keep_prob)
        inputs = tf.split(inputs, args.seq_length, 1)
        inputs = [tf.squeeze(input_, [1]) for input_ in inputs]

        def loop(prev, _):
            prev = tf.matmul(prev, softmax_w) + softmax_b
            prev_symbol = tf.stop_gradient(tf.argmax(prev, 1))
            return tf.nn.embedding_lookup(embedding, prev_symbol)

        outputs, last_state = legacy_seq2seq.rnn_decoder(
            inputs, self.initial_state, cell, loop_function=loop if not training else None,
            scope="rnnlm")
        output = tf.reshape(tf.concat(outputs, 1), [-1, args.rnn_size])
        self.logits = tf.matmul(output, softmax_w) + softmax_b
        self.probs = tf.nn.softmax(self.logits)
        loss = legacy_seq2seq.sequence_loss_by_example(
            [self.logits], [tf.reshape(self.targets, [-1])],
            [tf.ones([args.batch_size * args.seq_length])])
        with tf.name_scope("cost"):
            self.cost = tf.reduce_sum(loss) / args.batch_size / args.seq_length
        self.final_state = last_state
        self.lr = tf.Variable(0.0, trainable=False)
        tvars = tf.trainable_variables()
        grads, _ = tf.clip_by_global_norm(tf.gradients(self.cost, tvars), 5.0)
        with tf.name_scope("optimizer"):
            optimizer = tf.train.AdamOptimizer(self.lr)
        self.train_op = optimizer.apply_gradients(zip(grads, tvars))
        tf.summary.histogram("logits", self.logits)
        tf.summary.scalar("train_loss", self.cost)

    def sample(self, sess, chars, vocab, num, prime):
        state = sess.run(self.cell.zero_state(1, tf.float32))
        for char in prime[:-1]:
            x = np.zeros((1, 1))
            x[0, 0] = vocab[char]
            [state] = sess.run([self.final_state], {self.input_data: x, self.initial_state: state})
        ret, char = prime, prime[-1]
        for _ in range(num):
            x = np.zeros((1, 1))
            x[0, 0] = vocab[char]
            [probs, state] = sess.run([self.probs, self.final_state],
                                      {self.input_data: x, self.initial_state: state})
            char = chars[int(np.argmax(probs[0]))]
            ret += char
        return ret


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="lstm")
    parser.add_argument("--rnn_size", type=int, default=32)
    parser.add_argument("--num_layers", type=int, default=2)
    parser.add_argument("--batch_size", type=int, default=10)
    parser.add_argument("--seq_length", type=int, default=20)
    parser.add_argument("--output_keep_prob", type=float, default=1.0)
    parser.add_argument("--input_keep_prob", type=float, default=1.0)
    args = parser.parse_args()
    counter = collections.Counter(TEXT)
    chars, _ = zip(*sorted(counter.items(), key=lambda x: (-x[1], x[0])))
    vocab = dict(zip(chars, range(len(chars))))
    tensor = np.array(list(map(vocab.get, TEXT)))
    args.vocab_size = len(chars)
    batches = int(tensor.size / (args.batch_size * args.seq_length))
    tensor = tensor[:batches * args.batch_size * args.seq_length]
    ydata = np.copy(tensor)
    ydata[:-1], ydata[-1] = tensor[1:], tensor[0]
    xs = np.split(tensor.reshape(args.batch_size, -1), batches, 1)
    ys = np.split(ydata.reshape(args.batch_size, -1), batches, 1)
    tf.set_random_seed(7)
    model = Model(args)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        saver = tf.train.Saver(tf.global_variables())
        for epoch in range(3):
            sess.run(tf.assign(model.lr, 0.02 * (0.97 ** epoch)))
            state = sess.run(model.initial_state)
            for b in range(batches):
                feed = {model.input_data: xs[b], model.targets: ys[b]}
                for i, (c, h) in enumerate(model.initial_state):
                    feed[c] = state[i].c
                    feed[h] = state[i].h
                loss, state, _ = sess.run([model.cost, model.final_state, model.train_op], feed)
                if b % 5 == 0:
                    print("{}/{} (epoch {}), train_loss = {:.3f}".format(
                        epoch * batches + b, 3 * batches, epoch, loss))
        saver.save(sess, "model.ckpt", global_step=3)
    tf.reset_default_graph()
    model = Model(args, training=False)
    with tf.Session() as sess:
        saver = tf.train.Saver(tf.global_variables())
        ckpt = tf.train.get_checkpoint_state(".")
        saver.restore(sess, ckpt.model_checkpoint_path)
        print(model.sample(sess, chars, vocab, 30, "the "))


if __name__ == "__main__":
    main()
