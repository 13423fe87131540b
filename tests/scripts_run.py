"""Runs the scripts as a user does, each in a fresh interpreter, and looks at what they leave."""

import gc
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
# XLA would take longer to compile so small a network than to train it.
SMALL = [
    *("--units=4", "--embedding=4", "--batch=4", "--chunk=10", "--window=2"),
    "--engine=loop",
]


class Result(NamedTuple):
    code: int
    out: str
    err: str


def environment():
    """Gives this environment with the repository to import from and no settings of TensorFlow's.

    tests/conftest.py sets a log level for its own sake; a user has none.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}


def run(script, *flags, timeout=240, **popen):
    """Runs a script of the repository in a process of its own."""
    done = subprocess.run(
        [sys.executable, f"scripts/{script}", *map(str, flags)],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
        **popen,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def run_many(script, cases, tmp_path, timeout=600):
    """Runs a script with several command lines, one after another, in one fresh interpreter.

    Importing TensorFlow takes most of a short run. Each case gets descriptors and flags of its
    own, so that its output and exit code are those of a process of its own.

    Args:
      script: its file name.
      cases: name -> flags.
      tmp_path: where to set the outputs aside.

    Returns:
      name -> `Result`.
    """
    plan = {name: list(map(str, flags)) for name, flags in cases.items()}
    folder = tmp_path / f"many_{Path(script).stem}"
    folder.mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, __file__, script, str(folder)],
        cwd=ROOT,
        env=environment(),
        input=json.dumps(plan),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {
        name: Result(int((folder / f"{place}.code").read_text()), *_outputs(folder, place))
        for place, name in enumerate(plan)
    }


def snapshot(folder):
    """Reads every file below a folder, to compare byte for byte."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def check_refused(result, script, *facts):
    """Asserts one line on standard error that names the script and the facts, and a failure."""
    assert result.code not in (0, None), result
    assert "Traceback" not in result.err + result.out, result
    lines = result.err.splitlines()
    assert len(lines) == 1, result.err
    assert result.err.endswith("\n")
    assert lines[0].startswith(f"{script}: "), lines[0]
    for fact in facts:
        assert str(fact) in lines[0], (fact, lines[0])


def write_data(folder):
    """Writes a small file of each format that train.py reads, and damaged ones.

    Returns:
      The folder.
    """
    rng = np.random.default_rng(5)
    folder.mkdir(parents=True, exist_ok=True)
    rows = ["id,t,a,b"]
    rows += [f"s{i // 40},{i},{math.sin(i / 5):.6f},{rng.normal():.6f}" for i in range(400)]
    broken = {
        "good.csv": rows,
        "cell.csv": [*rows[:17], "s0,16,hello,1", *rows[17:]],
        "ragged.csv": [*rows[:17], "s0,16,1", *rows[17:]],
        "wide.csv": [line + (",extra" if not i else ",1.5") for i, line in enumerate(rows)],
        "header.csv": rows[:1],
    }
    for name, lines in broken.items():
        (folder / name).write_text("\n".join(lines) + "\n")
    text = "the quick brown fox jumps over the lazy dog\n"
    (folder / "text.txt").write_text(text * 50)
    (folder / "unknown.txt").write_text(text * 20 + "the € fox\n", encoding="utf-8")
    (folder / "latin.txt").write_bytes("caf\xe9 ".encode("latin-1") * 300)
    for name in ("empty.csv", "empty.txt", "empty.npy"):
        (folder / name).write_bytes(b"")
    x = rng.normal(size=(600, 3)).astype(np.float32)
    np.save(folder / "x.npy", x)
    np.save(folder / "long.npy", rng.normal(size=(4000, 1)).astype(np.float32))
    np.save(folder / "five.npy", np.zeros((600, 5), np.float32))
    for name, row in (("nan.npy", 230), ("nan_tail.npy", 580)):
        bad = x.copy()
        bad[row, 1] = np.nan
        np.save(folder / name, bad)
    np.savez(folder / "classes.npz", x=x, y=(x[:, 0] > 0).astype(np.int64))
    _write_records(folder / "records.tfrecord", rng)
    return folder


def _write_records(path, rng):
    import tensorflow.compat.v1 as tf

    with tf.io.TFRecordWriter(str(path)) as writer:
        for steps in (30, 25, 40, 20, 30, 35):
            lists = {}
            for name in ("u", "v"):
                values = rng.normal(size=steps)
                floats = [tf.train.FloatList(value=[value]) for value in values]
                features = [tf.train.Feature(float_list=one) for one in floats]
                lists[name] = tf.train.FeatureList(feature=features)
            nest = tf.train.FeatureLists(feature_list=lists)
            writer.write(tf.train.SequenceExample(feature_lists=nest).SerializeToString())


def metric_lines(folder):
    """Parses metrics.jsonl strictly: every line is whole, and NaN is no JSON."""

    def refuse(name):
        raise AssertionError(f"{name} in metrics.jsonl")

    text = (Path(folder) / "metrics.jsonl").read_text(encoding="utf-8")
    assert text.endswith("\n") or not text
    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


def losses(folder, kind):
    """Lists the losses of one kind of line."""
    return [line["loss"] for line in metric_lines(folder) if line["kind"] == kind]


def _outputs(folder, place):
    return [(folder / f"{place}.{name}").read_text(encoding="utf-8") for name in ("out", "err")]


def _serve(script, folder):
    """Runs the cases of `run_many`."""
    path = ROOT / "scripts" / script
    sys.path.insert(0, str(path.parent))
    cases = json.loads(sys.stdin.read())
    for place, flags in enumerate(cases.values()):
        code = _one(path, flags, Path(folder) / str(place))
        (Path(folder) / f"{place}.code").write_text(str(code))
        # As in tests/conftest.py: what stays after a case is not gone through in the next.
        gc.collect()
        gc.freeze()


def _one(path, flags, stem):
    kept = [os.dup(1), os.dup(2)]
    for number, name in ((1, "out"), (2, "err")):
        with open(f"{stem}.{name}", "wb") as file:
            os.dup2(file.fileno(), number)
    try:
        return _exit_code(path, flags)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, descriptor in zip((1, 2), kept, strict=True):
            os.dup2(descriptor, number)
            os.close(descriptor)


def _exit_code(path, flags):
    import runpy
    import traceback

    _forget_flags()
    sys.argv = [str(path), *flags]
    try:
        runpy.run_path(str(path), run_name="__main__")
    except SystemExit as left:
        if left.code is None or isinstance(left.code, int):
            return left.code or 0
        print(left.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _forget_flags():
    """Undoes what the case before defined and parsed."""
    from absl import flags

    for name in [n for n in flags.FLAGS if _of_script(flags.FLAGS, n)]:
        delattr(flags.FLAGS, name)
    flags.FLAGS.unparse_flags()
    for name in flags.FLAGS:
        flags.FLAGS[name].unparse()


def _of_script(values, name):
    module = values.find_module_defining_flag(name) or ""
    return module.endswith(".py") or module == "__main__"


if __name__ == "__main__":
    _serve(*sys.argv[1:])
