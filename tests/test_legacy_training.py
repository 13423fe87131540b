"""`tf.contrib.training`: hyperparameters, buckets and saved states, as old programs use them."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError
from tgcarry.legacy import behaviour
from tgcarry.legacy.modules import Facade
from tgcarry.legacy.registry import by_module
from tgcarry.legacy.training.assignments import parse_values
from tgcarry.legacy.training.buckets import bucket, bucket_by_sequence_length
from tgcarry.legacy.training.hparams import HParams
from tgcarry.legacy.training.state_batching import batch_sequences_with_states
from tgcarry.legacy.training.state_saver import SequenceQueueingStateSaver

ERROR = tf.errors.InvalidArgumentError


@pytest.fixture(autouse=True)
def graph():
    with behaviour.tensorflow1(), tf.Graph().as_default() as fresh:
        yield fresh


# What TensorFlow 1.15.5 wrote.
WRITTEN = {
    b"\n\x07\n\x01n\x12\x02\x08\x03": {"n": 3},
    b"\n\r\n\x04rate\x12\x05\x15\x00\x00\x00?": {"rate": 0.5},
    b"\n\r\n\x04cell\x12\x05\x1a\x03gru": {"cell": "gru"},
    b"\n\x08\n\x02on\x12\x028\x01": {"on": True},
    b'\n\r\n\x02ns\x12\x07"\x05\n\x03\x01\xac\x02': {"ns": [1, 300]},
    b"\n\x15\n\x05rates\x12\x0c*\n\n\x08\x00\x00\x00?\x00\x00\x00@": {"rates": [0.5, 2.0]},
    b"\n\x12\n\x05cells\x12\t2\x07\n\x01a\n\x02bc": {"cells": ["a", "bc"]},
    b"\n\x0f\n\x05flags\x12\x06B\x04\n\x02\x01\x00": {"flags": [True, False]},
}


@pytest.mark.parametrize(("written", "values"), WRITTEN.items())
def test_hyperparameters_are_the_messages_of_tf115(written, values):
    message = HParams(**values).to_proto()
    assert message.SerializeToString() == written
    read = HParams.from_proto(type(message).FromString(written)).values()
    assert read == values
    assert [type(value) for value in read.values()] == [type(value) for value in values.values()]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: HParams(hparam_def="rate=1"), "to_proto"),
        (lambda: HParams(hparam_def=HParams(n=1).to_proto(), m=2), "hparam_def and"),
        (lambda: HParams(cell=None).to_proto(), "cell"),
        (lambda: HParams(n=1).set_hparam("n", [2]), "Must not pass a list"),
        (lambda: HParams(n=[1]).set_hparam("n", 2), "Must pass a list"),
        (lambda: HParams(n=1).parse("m=2"), "Unknown hyperparameter type for m"),
        (lambda: HParams(n=1).parse("n=2.5"), "Could not parse n=2.5"),
        (lambda: HParams(on=True).parse("on=yes"), "Could not parse on=yes"),
    ],
)
def test_a_hyperparameter_that_does_not_fit_is_a_value_error(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("text", "twice"),
    [
        ("a=1,a=2", "'a'"),
        ("a[3]=1,a[3]=2", r"'a\[3\]'"),
        ("a=[1],a[0]=2", "'a'"),
        ("a[0]=2,a=[1]", "'a'"),
    ],
)
def test_the_place_that_is_assigned_twice_is_named(text, twice):
    with pytest.raises(DataError, match=f"variable {twice} in"):
        parse_values(text, {"a": int})


def started(session):
    coordinator = tf.train.Coordinator()
    return coordinator, tf.train.start_queue_runners(session, coordinator)


def test_sparse_labels_go_through_buckets():
    number = tf.train.range_input_producer(6, num_epochs=1, shuffle=False).dequeue()
    labels = tf.SparseTensor(
        tf.cast(tf.range(number)[:, tf.newaxis], tf.int64),
        tf.fill([number], number),
        tf.cast([number], tf.int64)[:1],
    )
    which, batch = bucket(
        {"number": number, "labels": labels},
        number % 2,
        batch_size=3,
        num_buckets=2,
        dynamic_pad=True,
        keep_input=number >= 0,
    )
    assert batch["number"].shape.as_list() == [3]
    assert batch["labels"].shape.as_list() == [None, None]
    with tf.Session() as session:
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        coordinator, threads = started(session)
        got = [session.run((which, batch)) for _ in range(2)]
        coordinator.request_stop()
        coordinator.join(threads, ignore_live_threads=True)
    for bucket_number, values in got:
        expected = range(bucket_number, 6, 2)
        assert sorted(values["number"]) == list(expected)
        labels = values["labels"]
        assert labels.dense_shape.tolist() == [3, max(expected)]
        for row, length in enumerate(values["number"]):
            mine = labels.values[labels.indices[:, 0] == row]
            assert mine.tolist() == [length] * length


def test_each_bucket_may_have_a_size_and_a_capacity_of_its_own():
    length = tf.placeholder(tf.int32, [])
    lengths, _ = bucket_by_sequence_length(
        length, [tf.zeros([4])], [2, 5], [7], bucket_capacities=[8, 9]
    )
    assert lengths.shape.as_list() == [None]
    for wrong in ({"bucket_capacities": [8]}, {"batch_size": [2, 5, 6]}):
        with pytest.raises(ValueError, match="must have exactly num_buckets = 2"):
            bucket_by_sequence_length(
                length, [tf.zeros([4])], **{"batch_size": 3, "bucket_boundaries": [7], **wrong}
            )


def saver(batch_size=1, capacity=None, **more):
    feeds = {
        "xs": tf.placeholder(tf.float32, [None, 2]),
        "ys": tf.placeholder(tf.float32, [None]),
    }
    made = SequenceQueueingStateSaver(
        batch_size, 3, 2, "key", feeds, {}, {"h": tf.zeros([4])}, capacity, **more
    )
    return made, feeds


@pytest.mark.parametrize(
    ("steps", "message"),
    [((4, 4), "should be a multiple of: 3, but saw value: 4"), ((6, 3), "lengths of ys and xs")],
)
def test_sequences_are_whole_segments_of_one_length(steps, message):
    made, feeds = saver()
    values = {feeds["xs"]: np.zeros([steps[0], 2]), feeds["ys"]: np.zeros(steps[1])}
    with tf.Session() as session, pytest.raises(ERROR, match=message):
        session.run(made.prefetch_op, values)


def test_the_capacity_holds_a_batch():
    with pytest.raises(ValueError, match="capacity 2 needs to be >= batch_size 3"):
        saver(3, 2)
    made, feeds = saver(tf.placeholder_with_default(3, []), 2)
    values = {feeds["xs"]: np.zeros([3, 2]), feeds["ys"]: np.zeros(3)}
    with tf.Session() as session, pytest.raises(ERROR, match="capacity needs to be >= batch_size"):
        session.run(made.prefetch_op, values)
    with pytest.raises(TypeError, match="initial_states"):
        SequenceQueueingStateSaver(1, 3, 2, "key", feeds, {}, [tf.zeros([4])])


def test_a_saved_state_has_the_shape_of_the_state():
    made, feeds = saver()
    batch = made.next_batch
    with pytest.raises(KeyError, match="state was not declared: c"):
        batch.save_state("c", tf.zeros([1, 4]))
    with pytest.raises(ValueError, match="'h'"):
        batch.save_state("h", tf.zeros([4]))
    value = tf.placeholder(tf.float32)
    values = {feeds["xs"]: np.zeros([6, 2]), feeds["ys"]: np.zeros(6), value: np.zeros([1, 5])}
    with tf.control_dependencies([made.prefetch_op]):
        save = batch.save_state("h", value)
    with tf.Session() as session, pytest.raises(ERROR, match="instead of"):
        session.run(save, values)


def test_sparse_sequences_and_contexts_come_in_segments():
    words = tf.sparse.from_dense(np.arange(10).reshape(5, 2) % 4)
    tags = tf.sparse.from_dense(np.array([[0, 7, 0]]))
    batch = batch_sequences_with_states(
        "key",
        {"words": words, "steps": tf.range(5)},
        {"tags": tags},
        None,
        {"h": tf.zeros([2])},
        num_unroll=3,
        batch_size=1,
        capacity=1,
        make_keys_unique=True,
    )
    save = batch.save_state("h", batch.state("h") + 1.0)
    assert batch.sequences["words"].shape.rank == 3
    assert batch.context["tags"].shape.rank == 3
    words = tf.sparse.to_dense(batch.sequences["words"])
    with tf.Session() as session:
        coordinator, threads = started(session)
        fetches = words, batch.sequences["steps"], batch.context["tags"], batch.length, save
        got = [session.run(fetches) for _ in range(2)]
        coordinator.request_stop()
        coordinator.join(threads, ignore_live_threads=True)
    expected = np.zeros([6, 2], int)
    expected[:5] = np.arange(10).reshape(5, 2) % 4
    for segment, (found, steps, tagged, length, _) in enumerate(got):
        part = slice(3 * segment, 3 * segment + 3)
        np.testing.assert_array_equal(found, expected[None, part])
        assert steps.tolist() == [[[0, 1, 2], [3, 4, 0]][segment]]
        assert (tagged.indices.tolist(), tagged.values.tolist()) == ([[0, 0, 1]], [7])
        assert tagged.dense_shape.tolist() == [1, 1, 3]
        assert length.tolist() == [[3], [2]][segment]


def test_sparse_sequences_alone_give_the_longest_length():
    one, two = (tf.sparse.from_dense(np.eye(size)) for size in (2, 3))
    # Another key each time: the thread that fills the queue reads ahead.
    key = tf.strings.as_string(tf.random.uniform([], maxval=2**30, dtype=tf.int32))
    batch = batch_sequences_with_states(
        key, {"one": one, "two": two}, {}, None, {"h": tf.zeros([])}, 4, 1, capacity=1
    )
    with tf.Session() as session:
        coordinator, threads = started(session)
        got = session.run((batch.sequences, batch.total_length))
        coordinator.request_stop()
        coordinator.join(threads, ignore_live_threads=True)
    shapes = {name: found.dense_shape.tolist() for name, found in got[0].items()}
    assert (shapes, got[1].tolist()) == ({"one": [1, 4, 2], "two": [1, 4, 3]}, [3])


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("bucket_ops", "bucket_by_sequence_length"),
        ("sequence_queueing_state_saver", "batch_sequences_with_states"),
        ("training", "create_train_op"),
        ("hparam", "HParams"),
    ],
)
def test_inner_modules_hold_the_names_too(module, name):
    facade = Facade(by_module())
    inner = facade.find(f"tensorflow.contrib.training.python.training.{module}")
    assert getattr(inner, name) is getattr(facade.find("tensorflow.contrib.training"), name)
