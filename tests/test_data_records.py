"""records: what TensorFlow's own reader must not be asked for."""

import gzip
import struct
import zlib

import pytest
import tensorflow.compat.v1 as tf

from tgcarry.data.records import records
from tgcarry.errors import DataError

RAW = [b"", b"one", b"two" * 1000]


def crc32c(data):
    """Sums up as RFC 3720 does, bit by bit."""
    total = 0xFFFFFFFF
    for byte in data:
        total ^= byte
        for _ in range(8):
            total = (total >> 1) ^ (0x82F63B78 if total & 1 else 0)
    return total ^ 0xFFFFFFFF


def length(number):
    """Writes a record's length with its checksum, as TensorFlow would."""
    raw = struct.pack("<Q", number)
    total = crc32c(raw)
    return raw + struct.pack("<I", ((total >> 15 | total << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def written(path, compression=""):
    options = tf.io.TFRecordOptions(compression_type=compression)
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for raw in RAW:
            writer.write(raw)
    return path


def refused(path, compression=""):
    with pytest.raises(DataError) as info:
        list(records(path, compression))
    message = str(info.value)
    assert message.splitlines() == [message] and str(path) in message
    return message


@pytest.mark.parametrize("compression", ["", "GZIP", "ZLIB"])
def test_records_come_as_they_were_written(tmp_path, compression):
    path = written(tmp_path / "a", compression)
    assert list(records(path, compression)) == RAW


def test_the_lengths_here_are_those_of_tensorflow(tmp_path):
    assert written(tmp_path / "a").read_bytes().startswith(length(0))


@pytest.mark.parametrize("number", [1 << 20, 1 << 36, 1 << 60, (1 << 64) - 1, (1 << 64) - 16])
def test_a_length_that_lies_does_not_end_the_process(tmp_path, number):
    path = tmp_path / "a"
    lie = length(number) + b"x" * 40
    path.write_bytes(lie)
    assert f"record 0 is damaged (it claims {number} bytes" in refused(path)
    path.write_bytes(written(tmp_path / "b").read_bytes() + lie)
    assert "record 3 is damaged" in refused(path)
    path.write_bytes(gzip.compress(lie))
    assert f"claims {number} bytes" in refused(path, "GZIP")


def test_compressed_files_behind_one_another(tmp_path):
    raw = written(tmp_path / "a").read_bytes()
    (tmp_path / "b").write_bytes(gzip.compress(raw) + gzip.compress(raw))
    assert list(records(tmp_path / "b", "GZIP")) == RAW * 2


@pytest.mark.parametrize("cut", [1, 8, 20])
def test_compressed_files_that_end_early(tmp_path, cut):
    path = written(tmp_path / "a", "GZIP")
    path.write_bytes(path.read_bytes()[:-cut])
    assert "is not whole GZIP data" in refused(path, "GZIP")


def test_other_compressions(tmp_path):
    path = written(tmp_path / "a")
    assert "is not whole GZIP data" in refused(path, "GZIP")
    path.write_bytes(zlib.compress(path.read_bytes()) + b"behind")
    assert "is not whole ZLIB data" in refused(path, "ZLIB")
    assert "'LZ4'" in refused_compression(path)


def refused_compression(path):
    with pytest.raises(DataError) as info:
        list(records(path, "LZ4"))
    return str(info.value)


def test_a_name_that_is_not_utf8(tmp_path):
    path = written(tmp_path / "a").rename(tmp_path / "\udcff")
    with pytest.raises(DataError, match=r"'.*\\udcff'.*rename the file"):
        list(records(path, ""))


def test_a_name_that_looks_like_an_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s3:").mkdir()
    path = tmp_path / "s3:" / "a"
    written(tmp_path / "a").rename(path)
    assert list(records(path.relative_to(tmp_path), "")) == RAW
