"""The generated tasks by name, as chunks."""

import numpy as np
import pytest

from tgcarry.data import check_chunk
from tgcarry.data.tasks_named import TASKS, TaskBatches, named_task

NAMES = sorted(TASKS)


@pytest.mark.parametrize("name", NAMES)
def test_a_task_is_what_it_says_of_itself(name):
    task = named_task(name, batch=400, sequence=20, bits=3, repeats=4)
    made = task.make(3)
    assert made["x"].shape == (400, task.steps, task.inputs)
    assert made["weight"].shape == made["y"].shape[:2] == (400, task.steps)
    if task.kind == "classification":
        assert made["y"].dtype == np.int32
        assert set(made["y"][made["weight"] > 0].tolist()) == set(range(task.outputs))
    else:
        assert made["y"].dtype == np.float32
        assert made["y"].reshape(400, task.steps, -1).shape[2] == task.outputs
    assert made["weight"].sum() / 400 == pytest.approx(task.scored, rel=0.06)
    assert made.get("lengths", np.array([task.steps])).max() <= task.steps


@pytest.mark.parametrize("name", NAMES)
def test_batches_are_cut_into_chunks_that_start_anew(name):
    task = named_task(name, batch=3, sequence=12, bits=2, repeats=2)
    batches = TaskBatches(task.make, count=3, steps=task.steps, chunk=7, first_seed=5)
    pieces = -(-task.steps // 7)
    assert len(batches) == 3 * pieces
    assert batches.breaks == [k for k, chunk in enumerate(batches) if chunk.starts_anew]
    for k in range(3):
        made = task.make(5 + k)
        parts = [batches[k * pieces + piece] for piece in range(pieces)]
        for index, part in enumerate(parts):
            check_chunk(part, index)
            assert part.resets.tolist() == [index == 0 and k > 0] * 3
        lengths = made.pop("lengths", np.full(3, task.steps))
        assert np.array_equal(sum(part.lengths for part in parts), lengths)
        for key, array in made.items():
            joined = np.concatenate([part.arrays[key] for part in parts], 1)
            assert np.array_equal(joined, array)


def test_any_chunk_at_any_time():
    task = named_task("repeat_copy", batch=2, sequence=6)
    one = TaskBatches(task.make, 4, task.steps, 5, 0)
    two = TaskBatches(task.make, 4, task.steps, 5, 0)
    backwards = {index: two[index] for index in reversed(range(len(two)))}
    for index, chunk in enumerate(one):
        for name, array in chunk.arrays.items():
            assert np.array_equal(array, backwards[index].arrays[name])


def test_the_adding_problem_lasts_as_long_as_in_its_source():
    """T to T + T/10 steps, each as often; the last one is scored."""
    task = named_task("adding", batch=2000, sequence=30)
    made = task.make(1)
    assert task.steps == 33 and task.scored == 1
    values, counts = np.unique(made["lengths"], return_counts=True)
    assert values.tolist() == [30, 31, 32, 33] and counts.min() > 400
    last = made["lengths"] - 1
    assert (made["weight"][np.arange(2000), last] == 1).all() and made["weight"].sum() == 2000
