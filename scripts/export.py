"""Exports a trained run: as a SavedModel that carries state, or as a TensorFlow 1 checkpoint.

For example:
  python scripts/export.py --logdir=runs/text --saved_model=served/text/1
  python scripts/export.py --logdir=runs/text --checkpoint=exported/model.ckpt --slots
"""

import _startup

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from tgcarry import console
from tgcarry.engines import ENGINES
from tgcarry.exporting import GO_ON, START, Exported
from tgcarry.exporting.runs import export_checkpoint, export_run

_LOGDIR = flags.DEFINE_string("logdir", None, "Log folder of a training run.")
_SAVED_MODEL = flags.DEFINE_string("saved_model", None, "Folder to write a SavedModel to.")
_CHECKPOINT = flags.DEFINE_string(
    "checkpoint", None, "Prefix of a checkpoint to write, such as exported/model.ckpt."
)
_ENGINE = flags.DEFINE_enum(
    "engine", "stock", ENGINES, "How the SavedModel unrolls; stock runs wherever TensorFlow does."
)
_SLOTS = flags.DEFINE_bool(
    "slots", False, "Optimiser slots and global_step in the checkpoint, too, to train on."
)
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Replace what was exported there before.")

flags.mark_flag_as_required("logdir")


@flags.validator("checkpoint", message="give a prefix for files, such as exported/model.ckpt")
def _is_prefix(value: str | None) -> bool:
    return not (value or "").endswith("/")


@flags.multi_flags_validator(
    ["saved_model", "checkpoint", "slots"],
    message="give --saved_model=FOLDER, --checkpoint=PREFIX or both; --slots goes with the latter",
)
def _has_target(values: dict[str, object]) -> bool:
    return bool(values["checkpoint"] or (values["saved_model"] and not values["slots"]))


def main(_: list[str]) -> None:
    """Reads the flags, exports and prints what was written."""
    console.quiet_tensorflow()
    logdir = Path(str(_LOGDIR.value))
    with console.one_line_errors("export.py"):
        if _SAVED_MODEL.value:
            target = Path(_SAVED_MODEL.value)
            exported = export_run(logdir, target, engine=_ENGINE.value, overwrite=_OVERWRITE.value)
            _print_signature(exported)
        if _CHECKPOINT.value:
            prefix = Path(_CHECKPOINT.value)
            written = export_checkpoint(
                logdir, prefix, slots=_SLOTS.value, overwrite=_OVERWRITE.value
            )
            print(f"{prefix}: {len(written)} variables")
            rows = [[name, _dims(shape)] for name, shape in written.items()]
            print(console.table(["variable", "shape"], rows))


def _print_signature(exported: Exported) -> None:
    print(f"{exported.path}: {GO_ON} with the state, {START} without it, from zeros")
    rows = [[port.name, port.role, _dims(port.shape), port.dtype] for port in exported.ports]
    print(console.table(["name", "role", "shape", "dtype"], rows))


def _dims(shape: Sequence[int | None] | None) -> str:
    if shape is None:
        return "any"
    return "[" + ", ".join("?" if size is None else str(size) for size in shape) + "]"


if __name__ == "__main__":
    _startup.run(main)
