"""Accumulators and steps: what is added, clipped, applied, cleared and saved."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tgcarry.stepping import Group
from tgcarry.updates import build_updates

LR = 0.5


class Spy(tf.train.GradientDescentOptimizer):
    """Notes the kinds of gradient that it is handed."""

    def __init__(self):
        super().__init__(LR)
        self.kinds = []

    def apply_gradients(self, pairs, *args, **kwargs):
        pairs = list(pairs)
        self.kinds.append([type(g) for g, _ in pairs])
        return super().apply_gradients(pairs, *args, **kwargs)


def dense(optimizer, clip_norm=None, dtype=tf.float64, steps=True):
    a = tf.get_variable("a", initializer=tf.ones([2], dtype))
    b = tf.get_variable("deep/b", initializer=tf.ones([1, 3], dtype))
    feeds = [tf.placeholder(dtype, v.shape) for v in (a, b)]
    count = tf.train.get_or_create_global_step() if steps else None
    updates = build_updates([Group(feeds, [a, b], optimizer, clip_norm)], global_step=count)
    return updates, [a, b], feeds


def opened(updates):
    session = tf.Session()
    session.run([tf.global_variables_initializer(), updates.initialize])
    return session


def norm_of(arrays):
    return np.sqrt(sum((np.asarray(a) ** 2).sum() for a in arrays))


def drawn(rng, feeds):
    return {f: rng.normal(size=f.shape.as_list()) for f in feeds}


@pytest.mark.parametrize("dtype", [tf.float64, tf.float32])
@pytest.mark.parametrize("clip_norm", [None, 0.1, 1e3])
def test_a_sum_of_gradients_is_scaled_clipped_and_applied_once(clip_norm, dtype, rng):
    updates, variables, feeds = dense(tf.train.GradientDescentOptimizer(LR), clip_norm, dtype)
    one, two = drawn(rng, feeds), drawn(rng, feeds)
    total = [(one[f] + two[f]) / 4 for f in feeds]
    norm = norm_of(total)
    share = 1 if clip_norm is None else min(1, clip_norm / norm)
    with opened(updates) as session:
        session.run(updates.accumulate, one)
        session.run(updates.accumulate, two)
        _, got = session.run([updates.apply, updates.norm], {updates.scale: 0.25})
        after = session.run(variables)
        assert session.run(tf.train.get_global_step()) == 1
    assert got == pytest.approx(norm, rel=1e-6)
    for value, g in zip(after, total, strict=True):
        np.testing.assert_allclose(value, 1 - LR * share * g, rtol=1e-6)


@pytest.mark.parametrize("clip_norm", [None, 0.1, 1e3])
def test_a_chunk_alone_steps_without_touching_the_accumulators(clip_norm, rng):
    updates, variables, feeds = dense(tf.train.GradientDescentOptimizer(LR), clip_norm)
    given = drawn(rng, feeds)
    norm = norm_of(given.values())
    share = 1 if clip_norm is None else min(1, clip_norm / norm)
    with opened(updates) as session:
        _, got = session.run([updates.step, updates.step_norm], given)
        after, held = session.run([variables, updates.accumulators])
        assert session.run(tf.train.get_global_step()) == 1
    assert got == pytest.approx(norm)
    assert not any(a.any() for a in held)
    for value, f in zip(after, feeds, strict=True):
        np.testing.assert_allclose(value, 1 - LR * share * given[f], rtol=1e-12)


def test_an_infinite_limit_is_no_limit(rng):
    updates, variables, feeds = dense(tf.train.GradientDescentOptimizer(LR), float("inf"))
    given = drawn(rng, feeds)
    with opened(updates) as session:
        session.run(updates.step, given)
        for value, f in zip(session.run(variables), feeds, strict=True):
            np.testing.assert_allclose(value, 1 - LR * given[f])


def test_a_zero_gradient_below_the_limit_stays_zero():
    updates, variables, feeds = dense(tf.train.GradientDescentOptimizer(LR), 1.0)
    with opened(updates) as session:
        session.run(updates.step, {f: np.zeros(f.shape.as_list()) for f in feeds})
        session.run(updates.apply)
        assert all((v == 1).all() for v in session.run(variables))


def test_clear(rng):
    updates, _, feeds = dense(None)
    with opened(updates) as session:
        session.run(updates.accumulate, drawn(rng, feeds))
        assert all(a.all() for a in session.run(updates.accumulators))
        session.run(updates.clear)
        assert not any(a.any() for a in session.run(updates.accumulators))


def test_without_an_optimizer_there_is_nothing_to_step_with():
    updates, _, _ = dense(None)
    assert updates.apply is None
    assert updates.step is None


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("clip_norm", [None, 1.0])
@pytest.mark.parametrize("way", ["step", "apply"])
def test_what_is_not_finite_moves_no_weight_slot_or_counter(way, clip_norm, bad):
    updates, _, feeds = dense(tf.train.AdamOptimizer(0.1), clip_norm)
    kept = tf.global_variables()
    assert len(kept) == 2 + 4 + 2 + 1
    given = {f: np.ones(f.shape.as_list()) for f in feeds}
    given[feeds[1]][0, 2] = bad
    with opened(updates) as session:
        before = session.run(kept)
        with pytest.raises(tf.errors.InvalidArgumentError, match="norm is not finite"):
            if way == "step":
                session.run(updates.step, given)
            else:
                session.run(updates.accumulate, given)
                session.run(updates.apply)
        for one, other in zip(before, session.run(kept), strict=True):
            np.testing.assert_array_equal(one, other)


def sparse(optimizer, clip_norm=None):
    table = tf.get_variable("table", initializer=tf.ones([5, 2], tf.float64))
    rows = tf.placeholder(tf.float64, [None, 2])
    ids = tf.placeholder(tf.int32, [None])
    slices = tf.IndexedSlices(rows, ids, tf.constant([5, 2]))
    updates = build_updates([Group([slices], [table], optimizer, clip_norm)], global_step=None)
    return updates, table, rows, ids


def scattered(rows, ids):
    out = np.zeros((5, 2))
    np.add.at(out, ids, rows)
    return out


IDS = [3, 1, 3, 3]


def test_repeated_ids_add_up_over_a_chunk_and_over_chunks(rng):
    updates, _, rows, ids = sparse(None)
    one, two = rng.normal(size=(4, 2)), rng.normal(size=(2, 2))
    with opened(updates) as session:
        session.run(updates.accumulate, {rows: one, ids: IDS})
        session.run(updates.accumulate, {rows: two, ids: [0, 3]})
        (got,) = session.run(updates.accumulators)
    np.testing.assert_allclose(got, scattered(one, IDS) + scattered(two, [0, 3]), atol=1e-14)


def test_a_chunk_alone_hands_the_optimizer_indexed_slices():
    spy = Spy()
    sparse(spy)
    kinds = [kinds[0] for kinds in spy.kinds]
    assert len(kinds) == 2
    assert kinds.count(tf.IndexedSlices) == 1


@pytest.mark.parametrize("clip_norm", [None, 0.1])
@pytest.mark.parametrize("way", ["step", "apply"])
def test_repeated_ids_norm_and_clipping_are_of_the_gradient_itself(way, clip_norm, rng):
    updates, table, rows, ids = sparse(tf.train.GradientDescentOptimizer(LR), clip_norm)
    values = rng.normal(size=(4, 2))
    gradient = scattered(values, IDS)
    share = 1 if clip_norm is None else clip_norm / norm_of([gradient])
    given = {rows: values, ids: IDS}
    with opened(updates) as session:
        if way == "step":
            _, norm = session.run([updates.step, updates.step_norm], given)
        else:
            session.run(updates.accumulate, given)
            _, norm = session.run([updates.apply, updates.norm])
        after = session.run(table)
    np.testing.assert_allclose(after, 1 - LR * share * gradient, rtol=1e-12)
    assert norm == pytest.approx(norm_of([gradient]))


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: tf.train.GradientDescentOptimizer(0.1),
        lambda: tf.train.AdamOptimizer(0.1),
        lambda: tf.train.RMSPropOptimizer(0.1),
        lambda: tf.train.MomentumOptimizer(0.1, 0.9),
        lambda: tf.train.AdagradOptimizer(0.1),
    ],
    ids=["sgd", "adam", "rmsprop", "momentum", "adagrad"],
)
def test_a_first_step_is_the_same_sparse_and_gathered(optimizer, rng):
    values = rng.normal(size=(4, 2))
    after = []
    for way in ("step", "apply"):
        with tf.Graph().as_default():
            updates, table, rows, ids = sparse(optimizer())
            given = {rows: values, ids: IDS}
            with opened(updates) as session:
                session.run(updates.step if way == "step" else updates.accumulate, given)
                if way == "apply":
                    session.run(updates.apply)
                after.append(session.run(table))
    np.testing.assert_allclose(after[0], after[1], rtol=1e-9)
    assert (after[0][[1, 3]] != 1).all()
    np.testing.assert_allclose(after[0][[0, 2, 4]], 1)


def test_accumulators_are_neither_saved_nor_trained(tmp_path, rng):
    updates, variables, feeds = dense(tf.train.MomentumOptimizer(0.1, 0.9))
    assert not set(updates.accumulators) & set(tf.global_variables())
    assert tf.trainable_variables() == variables
    assert len(updates.accumulators) == 2
    with opened(updates) as session:
        session.run(updates.accumulate, drawn(rng, feeds))
        path = tf.train.Saver().save(session, str(tmp_path / "model.ckpt"))
    names = {name for name, _ in tf.train.list_variables(path)}
    assert names == {"a", "deep/b", "a/Momentum", "deep/b/Momentum", "global_step"}


def test_both_ways_to_step_share_their_slots():
    optimizer = tf.train.MomentumOptimizer(LR, 0.9)
    updates, (a, _), feeds = dense(optimizer)
    ones = {f: np.ones(f.shape.as_list()) for f in feeds}
    with opened(updates) as session:
        session.run(updates.step, ones)
        session.run(updates.accumulate, ones)
        session.run(updates.apply)
        slot = session.run(optimizer.get_slot(a, "momentum"))
    np.testing.assert_allclose(slot, 0.9 * 1 + 1)


def test_weights_of_two_dtypes(rng):
    a = tf.get_variable("a", initializer=tf.ones([2], tf.float32))
    b = tf.get_variable("b", initializer=tf.ones([3], tf.float64))
    feeds = [tf.placeholder(v.dtype.base_dtype, v.shape) for v in (a, b)]
    optimizer = tf.train.GradientDescentOptimizer(LR)
    updates = build_updates([Group(feeds, [a, b], optimizer, 0.1)], global_step=None)
    given = drawn(rng, feeds)
    norm = norm_of(given.values())
    with opened(updates) as session:
        _, got = session.run([updates.step, updates.step_norm], given)
        for value, f in zip(session.run([a, b]), feeds, strict=True):
            np.testing.assert_allclose(value, 1 - LR * 0.1 / norm * given[f], rtol=1e-5)
    assert got == pytest.approx(norm, rel=1e-6)
