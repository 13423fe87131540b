"""A network of one step per chunk, and data for it: quick to build and to train."""

from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

import tgcarry as tgc

N, H, B = 3, 4, 2
POLICIES = [tgc.Truncated(), tgc.Stale(0.5), tgc.ExactSweep(3), tgc.ExactSweep()]


class Net:
    """`s' = tanh([x, s] W + b)` with a linear head and half the squared error."""

    def __init__(self, rate=None, seed=20):
        tf.set_random_seed(seed)
        self.x = tf.placeholder(tf.float64, [None, 1, N], "x")
        self.y = tf.placeholder(tf.float64, [None, 1, 1], "y")
        self.step = tf.train.get_or_create_global_step()
        cell = tgc.BasicRNNCell(H)
        self.ports = tgc.carry_ports(cell, dtype=tf.float64)
        out, self.final = cell(self.x[:, 0], self.ports.initial_state)
        loss, _ = tgc.losses.squared_loss(tgc.losses.linear(out[:, None], 1), self.y)
        self.loss = loss if rate is None else loss * rate
        self.total = tf.reduce_sum(self.x, name="total")
        self.chunk = tgc.build_chunk(
            self.loss,
            self.ports,
            self.final,
            {"x": self.x, "y": self.y},
            tf.train.AdamOptimizer(0.05),
            global_step=self.step,
            metrics={"total": self.total},
        )
        self.weights = list(self.chunk.variables)


class Data(NamedTuple):
    x: Any
    y: Any

    def chunks(self):
        return tgc.split_chunks({"x": self.x, "y": self.y}, 1)


def draw(rng, steps=6):
    return Data(rng.normal(size=(B, steps, N)), rng.normal(size=(B, steps, 1)))


def sweeps(policy, chunks):
    """Lists the chunks of each optimiser step."""
    size = (policy.window or chunks) if isinstance(policy, tgc.ExactSweep) else 1
    return [range(k, min(k + size, chunks)) for k in range(0, chunks, size)]


def same(got, wanted):
    for one, other in zip(got, wanted, strict=True):
        assert np.array_equal(one, other)


def trained(data, policy, **options):
    """Trains without anything around it, on a graph of its own; returns weights and reports."""
    with tf.Graph().as_default():
        net = Net()
        with tgc.Runner(net.chunk, policy, **options) as runner:
            reports = list(runner.run(data.chunks()))
            return runner.session.run(net.weights), reports
