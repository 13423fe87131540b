"""comparison: gradients of policies against the unbroken one."""

import numpy as np
import pytest

import tgcarry as tgc
from tgcarry.comparison import compare_gradients, join_chunks
from tgcarry.errors import RunError
from tgcarry.model import ModelSpec, build_model

pytestmark = pytest.mark.slow

SPEC = ModelSpec("classification", inputs=3, outputs=4, units=(8, 6), scored=10.0)


def cut(rng, lengths=None, resets=None, batch=3, steps=40, length=8):
    arrays = {
        "x": rng.normal(size=(batch, steps, 3)).astype(np.float32),
        "y": rng.integers(0, 4, (batch, steps)).astype(np.int32),
    }
    return tgc.split_chunks(arrays, length, lengths=lengths, resets=resets)


class TestCompareGradients:
    @pytest.fixture
    def found(self, rng):
        """Compares four policies on 5 chunks, with weights large enough to remember."""
        policies = [tgc.ExactSweep(), tgc.ExactSweep(2), tgc.Truncated(), tgc.Stale()]
        model = build_model(SPEC)
        with tgc.Runner(model.chunk) as runner:
            for variable in model.chunk.graph.get_collection("trainable_variables"):
                value = runner.session.run(variable)
                variable.load(value * 2, runner.session)
            before = runner.session.run(model.chunk.graph.get_collection("variables"))
            found = compare_gradients(runner, cut(rng), policies)
            after = runner.session.run(model.chunk.graph.get_collection("variables"))
        assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
        return dict(zip(["exact", "window", "truncated", "stale"], found, strict=True))

    def test_a_whole_sweep_is_exact(self, found):
        assert found["exact"].relative_error < 5e-6
        assert found["exact"].cosine > 1 - 1e-9

    def test_the_others_are_not(self, found):
        for name in ("window", "truncated", "stale"):
            assert found[name].relative_error > 1e-3, name
            assert found[name].cosine < 1 - 1e-7, name

    def test_each_names_its_policy(self, found):
        assert found["window"].policy == tgc.ExactSweep(2)
        assert found["truncated"].policy == tgc.Truncated()


class TestJoinChunks:
    def test_undoes_the_split(self, rng):
        chunks = cut(rng)
        joined = join_chunks(chunks)
        assert joined.length == 40 and joined.lengths.tolist() == [40] * 3
        assert not joined.resets.any()
        parts = np.split(joined.arrays["x"], 5, axis=1)
        for chunk, part in zip(chunks, parts, strict=True):
            assert np.array_equal(chunk.arrays["x"], part)

    def test_keeps_the_first_chunks_resets(self, rng):
        resets = np.zeros((3, 40), bool)
        resets[1, 0] = True
        assert join_chunks(cut(rng, resets=resets)).resets.tolist() == [False, True, False]

    def test_takes_an_uneven_last_chunk(self, rng):
        assert join_chunks(cut(rng, steps=20, length=8)).length == 20

    def test_refuses_nothing(self):
        with pytest.raises(RunError, match="no chunk"):
            join_chunks([])

    def test_refuses_a_reset_inside(self, rng):
        resets = np.zeros((3, 40), bool)
        resets[2, 24] = True
        with pytest.raises(RunError, match="chunk 3"):
            join_chunks(cut(rng, resets=resets))

    def test_refuses_padding(self, rng):
        with pytest.raises(RunError, match="chunk 4"):
            join_chunks(cut(rng, lengths=[40, 33, 40]))
