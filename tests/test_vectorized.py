"""No kernel that a compiled step runs goes through its numbers one by one.

For layers of many units: XLA writes a loop of few numbers out, and leaves it at that.
"""

import os
import re
import subprocess
import sys

import pytest

PROGRAM = """
import sys
import numpy as np
import tensorflow.compat.v1 as tf
import tgcarry as tgc

tf.disable_eager_execution()
kind, flags = sys.argv[1], sys.argv[2] == "flags"
x = tf.placeholder(tf.float32, [16, 20, 160])
lengths = tf.placeholder(tf.int32, [16]) if flags else None
resets = tf.placeholder(tf.bool, [16, 20]) if flags else None
outputs, final = tgc.dynamic_rnn(
    getattr(tgc, kind)(128), x, lengths, dtype=tf.float32, resets=resets, engine="fused"
)
slopes = tf.gradients(tf.reduce_sum(outputs * outputs), [x, *tf.trainable_variables()])
feeds = {x: np.ones(x.shape, "f")}
if flags:
    feeds |= {lengths: np.full(16, 19), resets: np.zeros([16, 20], bool)}
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    session.run(slopes, feeds)
"""
ONE_BY_ONE = re.compile(r"= (?:fast |contract |reassoc )*f(?:mul|add|sub|div) .*?(?<!x )float ")
SIDE_BY_SIDE = re.compile(r"<\d+ x float>")


@pytest.mark.slow
@pytest.mark.parametrize("flags", ["none", "flags"])
@pytest.mark.parametrize("kind", ["BasicRNNCell", "GRUCell", "BasicLSTMCell"])
def test_the_kernels_of_steps_are_vectorized(kind, flags, tmp_path):
    env = os.environ | {"XLA_FLAGS": f"--xla_dump_to={tmp_path} --xla_dump_hlo_as_text"}
    subprocess.run([sys.executable, "-c", PROGRAM, kind, flags], env=env, check=True, timeout=300)
    kernels = {path.name: path.read_text() for path in tmp_path.glob("*.ir-with-opt.ll")}
    if not any(SIDE_BY_SIDE.search(text) for text in kernels.values()):
        pytest.skip("this version of XLA writes no kernels down, or this processor has no vectors")
    slow = [
        name
        for name, text in kernels.items()
        if ONE_BY_ONE.search(text) and not SIDE_BY_SIDE.search(text)
    ]
    assert slow == []
