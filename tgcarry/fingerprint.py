"""What a run's figures follow from: its data in brief, and where its numbers are computed."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.data import Chunk
from tgcarry.data.wording import shown
from tgcarry.dataset import Dataset

# Chunks that are read in full; with more of them, as many are chosen evenly.
_SAMPLED = 256
# What TensorFlow, XLA and oneDNN let the environment say about how numbers are computed.
_SETTINGS = (
    "OMP_NUM_THREADS",
    "ONEDNN_MAX_CPU_ISA",
    "TF_CPP_FORCE_CPU_ISA",
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_XLA_FLAGS",
    "XLA_FLAGS",
)


def environment() -> dict[str, Any]:
    """Describes what the last bits of a number may depend on besides the run's options."""
    return {
        "python": sys.version.split()[0],
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": _cores(),
        "settings": {name: os.environ[name] for name in _SETTINGS if name in os.environ},
    }


def of_dataset(dataset: Dataset) -> str:
    """Returns a checksum of what a run reads.

    Over the number of chunks, the scale (to which every training number contributes), the
    vocabulary and classes, and the content of up to 256 chunks of training and of validation,
    evenly chosen. In a larger set a change elsewhere that leaves the scale as it is goes unseen.
    """
    total = hashlib.sha256()
    scale = None if dataset.scale is None else dataset.scale.to_json()
    sizes = [dataset.inputs, dataset.outputs]
    named = [dataset.kind, sizes, scale, dataset.vocabulary, dataset.classes]
    total.update(json.dumps(named).encode())
    for chunks in (dataset.train, dataset.validation or ()):
        total.update(f"{len(chunks)}".encode())
        for index in _evenly(len(chunks)):
            _add_chunk(total, chunks[index])
    return total.hexdigest()


def differences(before: Any, now: Any, name: str = "") -> list[str]:
    """Lists what differs between two JSON values: `options.window: 10 -> 5`."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        found = []
        for key in [*before, *(key for key in now if key not in before)]:
            inner = f"{name}.{key}" if name else str(key)
            found += differences(before.get(key), now.get(key), inner)
        return found
    same = before == now and isinstance(before, bool) == isinstance(now, bool)
    return [] if same else [f"{name}: {shown(before)} -> {shown(now)}"]


def _evenly(count: int) -> Sequence[int]:
    if count <= _SAMPLED:
        return range(count)
    return sorted({round(place) for place in np.linspace(0, count - 1, _SAMPLED)})


def _add_chunk(total: Any, chunk: Chunk) -> None:
    named = {**chunk.arrays, "resets": chunk.resets, "lengths": chunk.lengths}
    for name, array in sorted(named.items()):
        values = np.ascontiguousarray(array)
        total.update(f"{name} {values.dtype.str} {values.shape}".encode())
        total.update(values.tobytes())


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
