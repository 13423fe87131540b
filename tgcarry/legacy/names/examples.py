"""Tables of the group `examples`: data sets that came with TensorFlow 1."""

from __future__ import annotations

from tgcarry.legacy.table import Table

_NO_DOWNLOAD = "reads files on this disk and downloads nothing; --stand-ins allows made-up data"
_DATASETS = "tensorflow.contrib.learn.python.learn.datasets"

_MNIST = {
    "DEFAULT_SOURCE_URL": "tgcarry.legacy.examples.mnist:DEFAULT_SOURCE_URL",
    "DataSet": "tgcarry.legacy.examples.data_set:DataSet",
    "Datasets": "tgcarry.legacy.examples.data_set:Datasets",
    "base": "tgcarry.legacy.examples.base",
    "dense_to_one_hot": "tgcarry.legacy.examples.mnist:dense_to_one_hot",
    "extract_images": "tgcarry.legacy.examples.mnist:extract_images",
    "extract_labels": "tgcarry.legacy.examples.mnist:extract_labels",
    "load_mnist": "tgcarry.legacy.examples.mnist:load_mnist",
    "maybe_download": "tgcarry.legacy.examples.base:maybe_download",
    "read_data_sets": "tgcarry.legacy.examples.mnist:read_data_sets",
}

_BASE = {
    name: f"tgcarry.legacy.examples.base:{name}"
    for name in (
        "Dataset",
        "Datasets",
        "load_csv_with_header",
        "load_csv_without_header",
        "maybe_download",
    )
}

_PTB = {
    name: f"tgcarry.legacy.examples.ptb:{name}"
    for name in (
        "_build_vocab",
        "_file_to_word_ids",
        "_read_words",
        "ptb_iterator",
        "ptb_producer",
        "ptb_raw_data",
    )
}

_NOT_THERE = {
    "load_boston": "read the file yourself, with tf.contrib.learn.datasets.base's CSV functions",
    "load_iris": "sklearn.datasets.load_iris() has the same data",
    "make_dataset": "sklearn.datasets makes such data",
    "DATASETS": "call load_dataset('mnist')",
    "SYNTHETIC": "sklearn.datasets makes such data",
}

TABLES = (
    Table(
        "tensorflow.examples.tutorials.mnist.input_data",
        names=_MNIST,
        differs={"read_data_sets": _NO_DOWNLOAD, "maybe_download": _NO_DOWNLOAD},
        aliases=(
            "tensorflow.contrib.learn.datasets.mnist",
            f"{_DATASETS}.mnist",
            "tensorflow.g3doc.tutorials.mnist.input_data",
            "tensorflow.models.image.mnist.input_data",
        ),
    ),
    Table(
        "tensorflow.contrib.learn.datasets",
        names={**_BASE, "load_dataset": "tgcarry.legacy.examples.base:load_dataset"},
        differs={"load_dataset": f"only 'mnist'; {_NO_DOWNLOAD}"},
        missing=_NOT_THERE,
        aliases=(_DATASETS,),
    ),
    Table(
        "tensorflow.contrib.learn.datasets.base",
        names=_BASE,
        differs={"maybe_download": _NO_DOWNLOAD},
        missing={name: _NOT_THERE[name] for name in ("load_boston", "load_iris")},
        aliases=(f"{_DATASETS}.base",),
    ),
    Table(
        "tensorflow.models.rnn.ptb.reader",
        names=_PTB,
        aliases=("tensorflow.models.tutorials.rnn.ptb.reader", "tensorflow.models.rnn.reader"),
    ),
)
