"""scripts/export.py, as a user runs it."""

import json
import re
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scripts_run import SMALL, check_refused, run, run_many, snapshot, write_data

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Trains two runs in one interpreter, and makes places that cannot be exported to."""
    place = tmp_path_factory.mktemp("export")
    data = write_data(place / "data")
    cases = {
        "text": [*SMALL, f"--data={data}/text.txt", "--steps=4", "--cell=lstm", "--units=4,3"],
        "numbers": [*SMALL, f"--data={data}/x.npy", "--steps=3"],
    }
    flags = {name: [*given, f"--logdir={place / name}"] for name, given in cases.items()}
    for name, result in run_many("train.py", flags, place / "outputs").items():
        assert result.code == 0, (name, result.err)
    (place / "file").write_text("mine")
    (place / "home").mkdir()
    (place / "home" / "letter").write_text("mine")
    (place / "bare").mkdir()
    (place / "bare" / "config.json").write_bytes((place / "text" / "config.json").read_bytes())
    return place


def target(place, flag):
    """Puts the place before what begins with @."""
    return flag.replace("@", f"{place}/")


GOOD = {
    "model": ["--logdir=@text", "--saved_model=@out/text/1"],
    "numbers": ["--logdir=@numbers", "--saved_model=@out/numbers"],
    "both": ["--logdir=@text", "--saved_model=@out/b/1", "--checkpoint=@out/b/model.ckpt"],
    "slots": ["--logdir=@text", "--checkpoint=@out/slots/model.ckpt", "--slots"],
    "again": ["--logdir=@numbers", "--saved_model=@out/numbers", "--overwrite"],
    "checkpoint again": ["--logdir=@text", "--checkpoint=@out/b/model.ckpt", "--overwrite"],
    "fused": ["--logdir=@text", "--saved_model=@out/fused", "--engine=fused"],
}
BAD = {
    "no target": (["--logdir=@text"], 2, ["--saved_model", "--checkpoint"]),
    "no logdir": (["--saved_model=@x"], 2, ["--logdir"]),
    "slots alone": (["--logdir=@text", "--saved_model=@x", "--slots"], 2, ["--checkpoint"]),
    "engine": (["--logdir=@text", "--saved_model=@x", "--engine=warp"], 2, ["warp"]),
    "slash": (["--logdir=@text", "--checkpoint=@x/"], 2, ["prefix"]),
    "no run": (["--logdir=@nowhere", "--saved_model=@x"], 1, ["nowhere", "no such file"]),
    "no checkpoint": (["--logdir=@bare", "--saved_model=@x"], 1, ["bare/checkpoints"]),
    "taken": (["--logdir=@text", "--saved_model=@out/text/1"], 1, ["text/1", "--overwrite"]),
    "taken prefix": (
        ["--logdir=@text", "--checkpoint=@out/b/model.ckpt"],
        1,
        ["b/model.ckpt", "--overwrite"],
    ),
    "a file": (["--logdir=@text", "--saved_model=@file", "--overwrite"], 1, ["/file:"]),
    "a home": (["--logdir=@text", "--saved_model=@home", "--overwrite"], 1, ["/home:"]),
    "the run": (["--logdir=@text", "--saved_model=@text", "--overwrite"], 1, ["/text:"]),
    "its checkpoints": (
        ["--logdir=@text", "--checkpoint=@text/checkpoints/model.ckpt-4", "--overwrite"],
        1,
        ["own checkpoints"],
    ),
    "a folder": (["--logdir=@text", "--checkpoint=@home"], 1, ["home/model.ckpt"]),
    "below a file": (["--logdir=@text", "--saved_model=@file/1"], 1, ["file/1", "cannot be"]),
    "proc": (["--logdir=@text", "--saved_model=/proc/here/1"], 1, ["/proc/here/1"]),
    "proc prefix": (["--logdir=@text", "--checkpoint=/proc/model.ckpt"], 1, ["/proc/model.ckpt"]),
}


@pytest.fixture(scope="module")
def results(place):
    """Runs all of GOOD and BAD in one interpreter."""
    cases = {name: [target(place, flag) for flag in flags] for name, flags in GOOD.items()}
    bad = {
        f"bad {name}": [target(place, flag) for flag in flags]
        for name, (flags, _, _) in BAD.items()
    }
    kept = ("text", "numbers", "home", "bare")
    before = {name: snapshot(place / name) for name in kept}
    found = run_many("export.py", {**cases, **bad}, place / "results")
    assert before == {name: snapshot(place / name) for name in kept}, "exporting wrote"
    assert (place / "file").read_text() == "mine"
    return found


@pytest.mark.parametrize("name", GOOD)
def test_exports_quietly(results, name):
    assert results[name].code == 0, results[name].err
    assert results[name].err == ""


def test_the_signature_is_shown(results, place):
    lines = results["model"].out.splitlines()
    assert lines[0].startswith(f"{place}/out/text/1: serving_default")
    table = [re.split(r"  +", line) for line in lines[3:]]
    assert table[0] == ["x", "input", "[?, ?]", "int32"]
    assert [row[0] for row in table] == [
        *("x", "lengths", "state_0_c", "state_0_h", "state_1_c", "state_1_h"),
        *("predictions", "probabilities"),
    ]


def test_the_variables_are_shown(results):
    short, long = results["both"].out, results["slots"].out
    assert "rnn/multi_rnn_cell/cell_0/basic_lstm_cell/kernel" in short
    assert "Adam" not in short and "global_step" not in short
    for name in ("head/kernel/Adam_1", "beta1_power", "global_step"):
        assert re.search(rf"^{name} ", long, re.M), name


def test_nothing_else_is_left(results, place):
    assert results
    found = sorted(str(path.relative_to(place / "out")) for path in (place / "out").glob("*/*"))
    assert found == [
        *("b/1", "b/checkpoint", "b/model.ckpt.data-00000-of-00001", "b/model.ckpt.index"),
        *("fused/assets.extra", "fused/saved_model.pb", "fused/variables"),
        *("numbers/assets.extra", "numbers/saved_model.pb", "numbers/variables"),
        *(f"slots/{n}" for n in ("checkpoint", "model.ckpt.data-00000-of-00001")),
        *("slots/model.ckpt.index", "text/1"),
    ]
    assert not list((place / "out").rglob(".*"))


CLIENT = """
import json, sys
import numpy as np
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
go_on, start = model.signatures["serving_default"], model.signatures["start"]
notes = json.load(open(sys.argv[1] + "/assets.extra/tgcarry.json"))
x = np.load(sys.argv[2])
def call(function, x, state):
    lengths = tf.fill([len(x)], x.shape[1])
    out = function(x=tf.constant(x), lengths=lengths, **state)
    return out["predictions"].numpy(), {name: out[name] for name in notes["state"]}
whole, _ = call(start, x, {})
part, state = call(start, x[:, :3], {})
parts = [part]
for t in range(3, x.shape[1]):
    part, state = call(go_on, x[:, t : t + 1], state)
    parts.append(part)
np.save(sys.argv[3], [whole, np.concatenate(parts, 1)])
assert not [name for name in sys.modules if name.startswith("tgcarry")]
"""


@pytest.mark.parametrize("name", ["text/1", "numbers"])
def test_a_client_needs_tensorflow_alone(results, place, name, rng, tmp_path):
    import tensorflow.compat.v1 as tf

    from tgcarry.evaluation import read_trained, restored

    assert results["model"].code == 0
    x = rng.normal(size=(2, 8, 3)).astype(np.float32)
    if name == "text/1":
        x = rng.integers(0, 20, (2, 8)).astype(np.int32)
    np.save(tmp_path / "x.npy", x)
    got = subprocess.run(
        [
            *(sys.executable, "-I", "-c", CLIENT, place / "out" / name),
            *(tmp_path / "x.npy", tmp_path / "y.npy"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert got.returncode == 0, got.stderr[-2000:]
    whole, parts = np.load(tmp_path / "y.npy")
    np.testing.assert_allclose(whole, parts, atol=1e-5)
    folder = place / name.split("/")[0]
    with restored(read_trained(folder), folder) as (runner, model, _):
        ports = tf.nest.flatten(model.chunk.ports.initial_state)
        fed = {port: np.zeros([2, *port.shape[1:]]) for port in ports}
        fed |= {model.chunk.feeds["x"]: x, model.chunk.feeds["lengths"]: [8, 8]}
        wanted = runner.session.run(model.predictions, fed)
    np.testing.assert_allclose(whole, wanted, atol=1e-5)


class TestBadInput:
    @pytest.mark.parametrize("name", BAD)
    def test_is_one_line_and_a_failure(self, results, name):
        _, code, facts = BAD[name]
        result = results[f"bad {name}"]
        check_refused(result, "export.py", *facts)
        assert result.code == code
        assert result.out == ""

    def test_a_full_disk_leaves_what_was_there(self, results, place):
        assert results["again"].code == 0
        before = snapshot(place / "out")
        for flag in ("--saved_model=@out/numbers", "--checkpoint=@out/b/model.ckpt"):
            result = run(
                "export.py",
                f"--logdir={place / 'text'}",
                target(place, flag),
                "--overwrite",
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600)),
            )
            check_refused(result, "export.py", "cannot be written")
            assert result.code == 1
        assert snapshot(place / "out") == before


def test_notes_are_the_runs(results, place):
    assert results["model"].code == 0
    notes = json.loads((place / "out/text/1/assets.extra/tgcarry.json").read_text())
    config = json.loads((place / "text/config.json").read_text())
    assert notes["vocabulary"] == config["vocabulary"]
    assert notes["step"] == 4
