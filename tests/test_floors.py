"""Imports only go down, and importing tgcarry switches nothing."""

import ast
import pathlib
import subprocess
import sys
import textwrap

import pytest

import tgcarry

PACKAGE = pathlib.Path(tgcarry.__file__).parent
SCRIPTS = PACKAGE.parent / "scripts"

# From the ground up: a room may import from the ones before it and from inside itself.
FLOORS = (
    "starting",
    "folder",
    "attempts",
    "status",
    "lines",
    "errors",
    "reference",
    "tf1",
    "histograms",
    "schedule",
    "pipeline_schedule",
    "pipeline_plan",
    "budget",
    "cuts",
    "data",
    "states",
    "cells",
    "losses",
    "gradients",
    "reach",
    "stepping",
    "partition",
    "predictor",
    "lessons",
    "synthetic",
    "updates",
    "ports",
    "kernels",
    "repeated",
    "twins",
    "stack",
    "engines",
    "unroll",
    "chain",
    "carried",
    "chunk",
    "influence",
    "hooks",
    "monitored",
    "feeding",
    "residuals",
    "kinds",
    "calls",
    "diagnosis",
    "beside",
    "source",
    "policies",
    "saved_carry",
    "carry_hook",
    "sessions",
    "position",
    "loop",
    "planning",
    "reports",
    "peers",
    "drive",
    "joint",
    "runner",
    "addresses",
    "cluster",
    "model",
    "dataset",
    "store",
    "locks",
    "positions",
    "checkpoints",
    "joint_checkpoints",
    "pipeline_wire",
    "pipeline_loop",
    "pipeline_course",
    "pipeline_meeting",
    "pipeline",
    "pipeline_runner",
    "events",
    "logs",
    "options",
    "scores",
    "fingerprint",
    "earlier",
    "joint_options",
    "signals",
    "mishaps",
    "job",
    "training",
    "evaluation",
    "exporting",
    "plots",
    "pages",
    "words",
    "chain_plot",
    "paths",
    "flow_norms",
    "flow_problems",
    "flow_plot",
    "flow",
    "comparison",
    "credit",
    "reproductions",
    "console",
    "laboratory",
    "flag_values",
    "grid",
    "fleet",
    "supervisor",
    "own_network",
    "scaling",
    "grid_runs",
    "grid_table",
    "grid_job",
    "legacy",
    "__main__",
)
# Rooms that know less than their place would let them.
ONLY = {
    "folder": set(),
    "attempts": set(),
    "histograms": set(),
    "status": {"folder"},
    "lines": set(),
    "errors": set(),
    "reference": {"errors"},
    "schedule": set(),
    "pipeline_schedule": set(),
    "pipeline_plan": {"pipeline_schedule"},
    "budget": {"errors"},
    "cuts": {"errors"},
    "policies": {"errors", "schedule", "budget", "cuts"},
    "data": {"errors"},
    "store": {"errors", "data"},
    "locks": {"errors", "data", "store"},
    # What scripts/sweep.py runs on without TensorFlow.
    "console": {"errors"},
    "addresses": {"errors", "data"},
    "flag_values": {"errors", "data"},
    "grid": {"errors", "data", "flag_values"},
    "fleet": {"signals"},
    "supervisor": {"signals"},
    "scaling": set(),
    "own_network": set(),
    "grid_runs": {"errors", "data", "store", "locks", "folder", "fleet", "grid"},
    "grid_table": {"console", "grid_runs"},
    "grid_job": {"errors", "folder", "fleet", "grid", "grid_runs", "grid_table"},
}
FILES = sorted(PACKAGE.rglob("*.py"))


def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(nodes):
    """Yields the dotted names that import statements bring in, `from a import b` as `a.b`."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the floor: write tgcarry.<room>"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def at_import_time(path):
    """Yields the statements that run when a module is imported: not those inside functions."""
    waiting = list(tree(path).body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


def room(path):
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def name(path):
    return path.relative_to(PACKAGE).as_posix()


ROOMS = [path for path in FILES if name(path) != "__init__.py"]


@pytest.mark.parametrize("path", ROOMS, ids=name)
def test_every_room_has_a_place(path):
    assert room(path) in FLOORS, (
        f"tgcarry/{name(path)} has no floor: place {room(path)!r} in FLOORS above, behind every "
        f"room that it imports"
    )


@pytest.mark.parametrize("path", ROOMS, ids=name)
def test_imports_only_go_down(path):
    here = room(path)
    below = set(FLOORS[: FLOORS.index(here)]) if here in FLOORS else set(FLOORS)
    allowed = ONLY.get(here, below) | {here}
    for target in imported(ast.walk(tree(path))):
        first, *rest = target.split(".")
        if first != "tgcarry":
            continue
        assert rest, f"{name(path)} imports the whole package: name the room"
        assert rest[0] in allowed, f"{name(path)} imports {target}: {here} is not above it"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_only_tf1_may_know_private_tensorflow(path):
    if name(path) == "tf1.py":
        return
    for target in imported(ast.walk(tree(path))):
        assert not target.startswith(("tensorflow.python", "tensorflow._api")), target
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and node.attr in ("python", "_api"):
            assert not (isinstance(node.value, ast.Name) and node.value.id in ("tf", "tensorflow"))


@pytest.mark.parametrize("path", [p for p in FILES if room(p) == "data"], ids=name)
def test_data_needs_numpy_only(path):
    for target in imported(at_import_time(path)):
        assert target.split(".")[0] not in ("tensorflow", "absl", "matplotlib", "tqdm"), target


@pytest.mark.parametrize("alone", ["folder", "attempts", "status", "lines"])
def test_what_is_executed_alone_needs_the_standard_library_only(alone):
    # What types alone need stands under `if TYPE_CHECKING`.
    body = tree(PACKAGE / f"{alone}.py").body
    for target in imported(body):
        assert target.split(".")[0] in sys.stdlib_module_names, target


@pytest.mark.parametrize("path", [p for p in FILES if room(p) != "data"], ids=name)
def test_what_only_scripts_need_is_not_imported_by_the_package(path):
    for target in imported(at_import_time(path)):
        assert target.split(".")[0] not in ("matplotlib", "tqdm"), target


@pytest.mark.parametrize("path", FILES, ids=name)
def test_flags_belong_to_scripts(path):
    if name(path) == "legacy/shims/flags.py":
        pytest.skip("an old program's own flags")
    for target in imported(ast.walk(tree(path))):
        assert not target.startswith(("absl.flags", "absl.app")), target
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and node.attr == "flags":
            assert not (isinstance(node.value, ast.Name) and node.value.id == "tf"), "tf.flags"


def test_nothing_imports_a_script():
    scripts = {path.stem for path in SCRIPTS.glob("*.py")} | {"scripts"}
    for path in FILES:
        tops = {target.split(".")[0] for target in imported(ast.walk(tree(path)))}
        assert not tops & scripts, name(path)


def test_importing_switches_nothing():
    script = """
        import os, sys
        sys.path.insert(0, sys.argv[1])
        import tensorflow.compat.v1 as tf

        def switches():
            return (
                dict(os.environ),
                tf.executing_eagerly(),
                tf.resource_variables_enabled(),
                tf.control_flow_v2_enabled(),
                tf.get_default_session(),
                tf.logging.get_verbosity(),
                tf.distribute.has_strategy(),
                tf.config.optimizer.get_jit(),
            )

        from tensorflow.python.framework import ops  # sees a graph without making one
        graphs = ops._default_graph_stack
        assert graphs._global_default_graph is None
        before = switches()
        assert before[1] is True
        graphs.reset()
        loaded = set(sys.modules)
        import tgcarry
        assert graphs._global_default_graph is None, "a graph was made"
        assert switches() == before, "a switch moved"
        print("same", *{"matplotlib", "tqdm"} & (set(sys.modules) - loaded))
    """
    got = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(PACKAGE.parent)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert got.returncode == 0, got.stderr[-2000:]
    assert got.stdout.split() == ["same"]


def test_data_works_where_tensorflow_does_not():
    script = """
        import sys, types
        sys.path.insert(0, sys.argv[1])
        sys.modules["tensorflow"] = None
        package = types.ModuleType("tgcarry")
        package.__path__ = [sys.argv[1] + "/tgcarry"]
        sys.modules["tgcarry"] = package
        import numpy as np
        from tgcarry import data
        print(len(data.split_chunks({"x": np.zeros((2, 7, 1))}, 3)))
    """
    got = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(PACKAGE.parent)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert got.returncode == 0, got.stderr[-2000:]
    assert got.stdout.strip() == "3"
