"""Old programs draw the numbers of TensorFlow 1.15.5 under `tf.set_random_seed`."""

import pathlib

import numpy as np
import pytest

from tgcarry import legacy

HERE = pathlib.Path(__file__).parent
PROGRAMS = HERE / "legacy_programs"

# Counted otherwise than in 1.15; for a gradient only what is drawn behind it differs.
OTHERWISE = {
    "op_random_gamma",
    "minimize_ftrl",
    "clipped_ftrl",
    "gradient_batch_norm",
    "gradient_language",
}
# Dropout inside TensorFlow's loop: which step gets which mask is up to the executor.
MASKS_IN_LOOPS = {"language_model", "two_models"}


@pytest.fixture(autouse=True)
def graph():
    """Leaves the default graph alone: a program that is run makes its own."""


@pytest.fixture(scope="module")
def golden():
    """Gives what TensorFlow 1.15.5 found."""
    with np.load(HERE / "golden" / "legacy_numbers_tf115.npz") as arrays:
        return dict(arrays)


def ran(program, folder, suffix, **options):
    path = folder / f"{program}{suffix}"
    legacy.run(str(PROGRAMS / f"{program}.py"), [str(path)], **options)
    return path


@pytest.mark.slow
def test_seeds_follow_the_count_of_operations(golden, tmp_path):
    path = ran("numbers_counts", tmp_path, ".txt", engine="stock")
    wanted = dict(line.split(" ", 1) for line in golden["numbers_counts"])
    got = dict(line.split(" ", 1) for line in path.read_text().splitlines())
    assert got.keys() == wanted.keys()
    wrong = {name: (got[name], wanted[name]) for name in wanted if got[name] != wanted[name]}
    assert wrong.keys() <= OTHERWISE, wrong


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Gives what the models that are trained find here."""
    with np.load(ran("numbers_training", tmp_path_factory.mktemp("run"), ".npz")) as arrays:
        return dict(arrays)


def only(golden, what):
    prefix = "numbers_training|"
    return {
        key.removeprefix(prefix): value
        for key, value in golden.items()
        if key.startswith(prefix) and what in key
    }


def test_variables_start_from_the_same_values(golden, trained):
    wanted = only(golden, "|variable|")
    assert wanted.keys() == {key for key in trained if "|variable|" in key}
    for key, value in wanted.items():
        if "orthogonal" in key or key.startswith("bidirectional|variable|dense"):
            # A matrix decomposition, by another version of its library.
            np.testing.assert_allclose(trained[key], value, rtol=1e-5, atol=1e-6, err_msg=key)
        else:
            np.testing.assert_array_equal(trained[key], value, err_msg=key)


def test_draws_are_the_same(golden, trained):
    for key, value in only(golden, "|drawn|").items():
        np.testing.assert_array_equal(trained[key], value, err_msg=key)


def test_training_goes_the_same_way(golden, trained):
    for key, value in only(golden, "|losses").items():
        steps = 1 if key.partition("|")[0] in MASKS_IN_LOOPS else len(value)
        # The steps' rounding adds up; sums are made in another order today.
        np.testing.assert_allclose(trained[key][:steps], value[:steps], rtol=1e-5, err_msg=key)


@pytest.mark.parametrize("engine", ["stock", "loop", "fused"])
def test_every_engine_finds_the_old_sums(golden, tmp_path, engine):
    with np.load(ran("numbers_chained", tmp_path, ".npz", engine=engine)) as found:
        for key in found:
            wanted = golden[f"numbers_chained|{key}"]
            if key == "sums":
                # A thousand steps of float32, whose sums are made in another order.
                np.testing.assert_allclose(found[key], wanted, rtol=1e-5)
            else:
                np.testing.assert_array_equal(found[key], wanted)
