"""read_tfrecord: sequences as records."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tgcarry.data import read_tfrecord
from tgcarry.errors import DataError


def feature(values):
    values = np.atleast_1d(values)
    if values.dtype.kind == "i":
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    if values.dtype.kind == "f":
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"text"]))


def example(**lists):
    return tf.train.SequenceExample(
        feature_lists=tf.train.FeatureLists(
            feature_list={
                name: tf.train.FeatureList(feature=[feature(step) for step in steps])
                for name, steps in lists.items()
            }
        )
    ).SerializeToString()


@pytest.fixture
def write(tmp_path):
    def writer(*records, options=None):
        path = tmp_path / "data.tfrecord"
        with tf.io.TFRecordWriter(str(path), options) as writer:
            for record in records:
                writer.write(record)
        return path

    return writer


def refused(*args, **options):
    with pytest.raises(DataError) as info:
        read_tfrecord(*args, **options)
    message = str(info.value)
    assert "\n" not in message
    return message


def rows(table, name):
    return table.columns[name][0 : int(table.bounds[-1])].tolist()


ONE = {"a": [[1.0, 2.0], [3.0, 4.0]], "b": [5, 6], "y": [0, 2]}
TWO = {"a": [[7.0, 8.0]], "b": [9], "y": [1]}


def test_records_are_sequences(write, graph):
    table = read_tfrecord(write(example(**ONE), example(**TWO)), ["b", "a"], "y")
    assert rows(table, "x") == [[5, 1, 2], [6, 3, 4], [9, 7, 8]]
    assert rows(table, "y") == [0, 2, 1] and table.num_classes == 3
    assert table.bounds.tolist() == [0, 2, 3]
    assert table.feature_names == ("b", "a[0]", "a[1]") and table.target_name == "y"
    assert not graph.get_operations()
    assert tf.get_default_graph() is graph


def test_it_works_eagerly_too(write):
    path = write(example(**ONE))

    def read():
        # A thread of its own has no default graph yet.
        return tf.executing_eagerly(), rows(read_tfrecord(path, target="y"), "x")

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(read).result() == (True, [[1, 2, 5], [3, 4, 6]])


def test_regression_and_next_step(write):
    path = write(example(a=[[1.0], [2.0], [3.0]], y=[[1.0, 2.0]] * 3))
    table = read_tfrecord(path, target="y")
    assert table.columns["y"].shape == (3, 2) and table.num_classes is None
    table = read_tfrecord(path, ["a"])
    assert rows(table, "x") == [[1], [2]] and rows(table, "y") == [[2], [3]]
    whole = read_tfrecord(write(example(**ONE)), ["a"], "y", task="regression")
    assert whole.num_classes is None and rows(whole, "y") == [0, 2]


def test_compressed(write):
    path = write(example(**ONE), options=tf.io.TFRecordOptions(compression_type="GZIP"))
    assert read_tfrecord(path, target="y", compression="GZIP").steps == 2
    assert "record 0 is damaged" in refused(path, target="y")
    assert "'ZIP'" in refused(path, compression="ZIP")


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_truncated_record_is_numbered(write, cut):
    path = write(example(**ONE), example(**TWO))
    path.write_bytes(path.read_bytes()[:-cut])
    message = refused(path, target="y")
    assert "data.tfrecord, record 1 is damaged" in message


def test_a_corrupt_record_is_numbered(write):
    path = write(example(**ONE), example(**TWO))
    raw = bytearray(path.read_bytes())
    raw[20] ^= 255
    path.write_bytes(raw)
    assert "record 0 is damaged" in refused(path, target="y")


def test_not_records_at_all(write, tmp_path):
    path = write()
    assert "no records" in refused(path)
    path.write_text("this is not a record file at all\n")
    assert "record 0 is damaged" in refused(path)
    assert "no such file" in refused(tmp_path / "none.tfrecord")
    assert "record 1 is not a tf.train.SequenceExample" in refused(
        write(example(**ONE), b"\xff\xff\xff"), target="y"
    )


@pytest.mark.parametrize(
    ("second", "parts"),
    [
        ({"a": [[1.0, 2.0]], "y": [0]}, ["record 1", "'b'", "a, y"]),
        ({"a": [[1.0, 2.0]], "b": [1, 2], "y": [0]}, ["record 1", "a 1, b 2, y 1"]),
        ({"a": [[1.0]], "b": [1], "y": [0]}, ["record 1", "'a'", "1 float", "2 float"]),
        ({"a": [[1, 2]], "b": [1], "y": [0]}, ["record 1", "'a'", "2 int64", "2 float"]),
        ({"a": [[1.0, 2.0], [1.0]], "b": [1, 2], "y": [0, 0]}, ["'a'", "1 values at step 1"]),
        ({"a": [[1.0, 2.0], [1, 2]], "b": [1, 2], "y": [0, 0]}, ["'a'", "float_list, int64_list"]),
        ({"a": ["text"], "b": [1], "y": [0]}, ["'a'", "bytes_list"]),
        ({"a": [], "b": [], "y": []}, ["'a'", "none in 0 steps"]),
        ({"a": [[1.0, 2.0]], "b": [1], "y": [-4]}, ["'y'", "-4", "row 2"]),
    ],
)
def test_records_that_differ(write, second, parts):
    message = refused(write(example(**ONE), example(**second)), ["a", "b"], "y")
    for part in ["data.tfrecord", *parts]:
        assert part in message


def test_arguments_that_do_not_fit(write):
    path = write(example(**ONE))
    assert "'z'" in refused(path, ["z"], "y")
    assert "'a'" in refused(path, "a")
    assert "no feature lists" in refused(path, [])
    assert "'guess'" in refused(path, task="guess")
    assert "target" in refused(path, task="classification")
    assert "holds floats" in refused(path, ["b"], "a", task="classification")
    path = write(example(a=[1.0], y=[[1, 2]]))
    assert "2 classes at each step" in refused(path, ["a"], "y")
