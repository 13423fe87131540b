"""Tables of the group `before_one`: what TensorFlow's names and arguments were before 1.0."""

from __future__ import annotations

from tgcarry.legacy.names import contrib_rnn, inner_modules
from tgcarry.legacy.table import Table

_OLD = "tgcarry.legacy.before_one"
_V1 = "tensorflow.compat.v1"


def _of(module: str, *names: str) -> dict[str, str]:
    return {name: f"{module}:{name}" for name in names}


# Put in front of the names of `tensorflow`, `tensorflow.nn` and `tensorflow.train` by `root`.
ROOT: dict[str, str] = {
    **_of(f"{_OLD}.arithmetic", "batch_matmul", "inv", "select"),
    **_of(f"{_OLD}.joining", "concat", "pack", "reverse", "sparse_split", "split", "unpack"),
    **_of(
        f"{_OLD}.summaries",
        "audio_summary",
        "histogram_summary",
        "image_summary",
        "merge_all_summaries",
        "merge_summary",
        "scalar_summary",
    ),
    **{
        name.replace("batch_", "batch_matrix_", 1): f"{_V1}:matrix_{name.removeprefix('batch_')}"
        for name in (
            "batch_band_part",
            "batch_determinant",
            "batch_diag",
            "batch_diag_part",
            "batch_inverse",
            "batch_set_diag",
            "batch_solve",
            "batch_solve_ls",
            "batch_transpose",
            "batch_triangular_solve",
        )
    },
    **{
        f"batch_{name}": f"{_V1}:{name}"
        for name in (
            "cholesky",
            "cholesky_solve",
            "fft",
            "fft2d",
            "fft3d",
            "ifft",
            "ifft2d",
            "ifft3d",
            "self_adjoint_eig",
            "self_adjoint_eigvals",
            "svd",
        )
    },
    "complex_abs": f"{_V1}:abs",
    "concat_v2": f"{_V1}:concat",
    "list_diff": f"{_V1}:setdiff1d",
    "listdiff": f"{_V1}:setdiff1d",
    "mul": f"{_V1}:multiply",
    "neg": f"{_V1}:negative",
    "ones_initializer": f"{_OLD}.initializers:OnesInitializer",
    "split_v": f"{_V1}:split",
    "sub": f"{_V1}:subtract",
    "types": "tensorflow.python.framework.dtypes",
    "zeros_initializer": f"{_OLD}.initializers:ZerosInitializer",
}

NN: dict[str, str] = {
    **_of(
        f"{_OLD}.losses",
        "ctc_loss",
        "nce_loss",
        "sampled_softmax_loss",
        "sigmoid_cross_entropy_with_logits",
        "softmax_cross_entropy_with_logits",
        "sparse_softmax_cross_entropy_with_logits",
    ),
    "bidirectional_rnn": "tgcarry.legacy.unrolling:static_bidirectional_rnn",
    "deconv2d": f"{_V1}.nn:conv2d_transpose",
    "rnn": "tgcarry.legacy.unrolling:static_rnn",
    "state_saving_rnn": "tgcarry.legacy.unrolling:static_state_saving_rnn",
}

TRAIN: dict[str, str] = {"SummaryWriter": f"{_OLD}.summaries:SummaryWriter"}

# The same for `tensorflow.nn.rnn_cell` and the modules it lived in.
CELLS: dict[str, str] = {
    **contrib_rnn.CELL_MODULE_NAMES,
    **_of(
        f"{_OLD}.cells",
        "BasicLSTMCell",
        "BasicRNNCell",
        "DropoutWrapper",
        "GRUCell",
        "LSTMCell",
        "MultiRNNCell",
    ),
    **_of("tgcarry.cells", "LSTMStateTuple", "RNNCell", "ResidualWrapper"),
    "_linear": f"{_OLD}.linear:linear",
    "linear": f"{_OLD}.linear:linear",
}

_ORDERS = "the argument order of before 1.0 is understood too"

ROOT_DIFFERS = {
    "concat": _ORDERS,
    "ones_initializer": "with a shape it is the tensor of ones, as before 1.0",
    "reverse": "bools, one a dimension, are understood too, as before 1.0",
    "sparse_split": _ORDERS,
    "split": _ORDERS,
    "zeros_initializer": "with a shape it is the tensor of zeros, as before 1.0",
}

_POSITIONS = "by position it takes (logits, labels) as before 1.0, where 1.15 refuses"

NN_DIFFERS = {
    "ctc_loss": _ORDERS,
    "nce_loss": _ORDERS,
    "sampled_softmax_loss": _ORDERS,
    "sigmoid_cross_entropy_with_logits": _POSITIONS,
    "softmax_cross_entropy_with_logits": _POSITIONS,
    "sparse_softmax_cross_entropy_with_logits": _POSITIONS,
}

_WIDTH = "an input_size, as before 1.1, is taken and left out"

CELLS_DIFFERS = {
    "BasicLSTMCell": _WIDTH,
    "BasicRNNCell": _WIDTH,
    "GRUCell": _WIDTH,
    "LSTMCell": _WIDTH,
    "MultiRNNCell": "[cell] * n shares its weights as in 1.15; where the layers' inputs differ in "
    "width, 1.15 fails, and here each layer has weights of its own, as before 1.1",
}

TABLES: tuple[Table, ...] = (
    Table("tensorflow.models.rnn.rnn_cell", names=CELLS, differs=CELLS_DIFFERS),
    Table("tensorflow.models.rnn.rnn", names=NN, fallback=("tensorflow.compat.v1.nn",)),
    Table("tensorflow.models.rnn.linear", names={"linear": f"{_OLD}.linear:linear"}),
    Table(
        "tensorflow.image",
        names={
            "per_image_whitening": f"{_V1}.image:per_image_standardization",
            "random_crop": f"{_V1}:random_crop",
            "resize_images": f"{_OLD}.pictures:resize_images",
        },
        fallback=("tensorflow.compat.v1.image",),
        differs={"resize_images": _ORDERS},
    ),
    *inner_modules.TABLES,
)
