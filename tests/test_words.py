"""Words from characters: the model against loops in NumPy, and what it writes against itself."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from loading import load_all

import tgcarry as tgc
from tgcarry import data
from tgcarry.model import ModelSpec, build_model
from tgcarry.words.model import WordsSpec, build_words_model, count_parameters, matching_units
from tgcarry.words.writer import write_words

TEXT = "so it  goes, on and on unutterably, it goes\non so and so and it is "
LONGEST = 6


def small(words, mode, **options):
    sizes = {"outer_units": 5, "inner_units": 4, "embedding": 3}
    return WordsSpec(
        len(words.vocabulary), LONGEST, inner_state=mode, engine="loop", **{**sizes, **options}
    )


def weights_of(chunk, session):
    return session.run({variable.op.name: variable for variable in chunk.variables})


def gru(weights, name, x, state):
    def product(part, a):
        scope = f"chained_rnn/{name}/gru_cell/{part}"
        return a @ weights[f"{scope}/kernel"] + weights[f"{scope}/bias"]

    r, u = np.split(1 / (1 + np.exp(-product("gates", np.concatenate([x, state])))), 2)
    c = np.tanh(product("candidate", np.concatenate([x, r * state])))
    return u * state + (1 - u) * c


def read_by_hand(weights, streams, mode):
    """Sums the nats, word by word and character by character."""
    vectors, places = weights["characters"], weights["positions"]
    outer_units = len(weights["chained_rnn/outer/gru_cell/candidate/bias"])
    inner_units = len(weights["chained_rnn/inner/gru_cell/candidate/bias"])
    nats = 0.0
    for characters, steps in zip(streams["characters"], streams["steps"], strict=True):
        outer, inner, word = np.zeros(outer_units), np.zeros(inner_units), []
        for t, count in enumerate(steps):
            w = sum((vectors[c] * places[j] for j, c in enumerate(word)), np.zeros(3))
            outer = gru(weights, "outer", w, outer)
            word = characters[t, :count]
            inner = inner if mode == "carry" else np.zeros(inner_units)
            for before, character in zip([0, *word[:-1]], word, strict=True):
                inner = gru(weights, "inner", np.concatenate([outer, vectors[before]]), inner)
                logits = inner @ weights["head/kernel"] + weights["head/bias"]
                nats += np.log(np.exp(logits).sum()) - logits[character]
    return nats


@pytest.mark.parametrize("mode", [pytest.param("carry", marks=pytest.mark.slow), "reset"])
def test_the_loss_is_that_of_two_loops_however_it_is_cut(mode):
    words = data.split_words(TEXT, LONGEST)
    streams = data.word_streams(words, 2)
    chunk = build_words_model(small(words, mode, scored=10.0))
    cuts = [tgc.split_chunks(streams, length) for length in (99, 3, 1)]
    with tgc.Runner(chunk, tgc.ExactSweep()) as runner:
        found = [runner.evaluate(chunks) for chunks in cuts]
        whole, parts = (runner.gradients(chunks) for chunks in cuts[:2])
        weights = weights_of(chunk, runner.session)
    nats = read_by_hand(weights, streams, mode)
    for each in found:
        assert each.metrics["total"] == pytest.approx(nats, rel=1e-5)
        assert each.loss == pytest.approx(nats / 10, rel=1e-5)
        assert each.metrics["scored"] == streams["steps"].sum()
    for name, gradient in whole.variables.items():
        off = np.abs(gradient - parts.variables[name]).max()
        assert off < 1e-5 * np.abs(gradient).max(), name


def lively(weights, seed):
    """Draws weights of a model that does not repeat itself, and leaves nothing to chance."""
    rng = np.random.default_rng(seed)
    drawn = {n: rng.normal(size=a.shape).astype(np.float32) for n, a in weights.items()}
    for name in drawn:
        if name.endswith("gates/bias"):
            drawn[name] -= 1.5
    drawn["head/kernel"] *= 1e4
    drawn["head/bias"] = 1e4 * np.eye(1, len(drawn["head/bias"]), dtype=np.float32)[0]
    return drawn


@pytest.mark.parametrize(("mode", "seed"), [("carry", 11), ("reset", 11)])
def test_what_is_written_is_what_the_training_graph_expects(mode, seed):
    words = data.split_words(TEXT, LONGEST)
    spec = small(words, mode, outer_units=8, inner_units=8)
    chunk = build_words_model(spec)
    with tgc.Runner(chunk) as runner:
        weights = weights_of(chunk, runner.session)
        weights = lively(weights, seed)
        load_all({v: weights[v.op.name] for v in chunk.variables}, runner.session)
        ids = write_words(spec, weights, 40)
        written = data.split_words(data.decode(ids, words.vocabulary), LONGEST)
        numbers = data.encode("".join(written.vocabulary), words.vocabulary)
        again = data.word_streams(written._replace(characters=numbers[written.characters]), 1)
        found = runner.evaluate(tgc.split_chunks(again, 7))
    assert len(written.steps) == 40, "each call wrote one word, or one piece"
    assert len(np.unique(ids)) > 3 and len(np.unique(written.steps)) > 2
    assert found.metrics["correct"] == found.metrics["scored"] == len(ids)


def test_the_seed_says_what_is_drawn():
    words = data.split_words(TEXT, LONGEST)
    spec = small(words, "carry")
    chunk = build_words_model(spec)
    with tgc.Runner(chunk) as runner:
        weights = weights_of(chunk, runner.session)
    texts = [write_words(spec, weights, 8, seed).tolist() for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]


def test_weights_of_another_model_are_refused():
    words = data.split_words(TEXT, LONGEST)
    with pytest.raises(tgc.RunError, match="those of such a model"):
        write_words(small(words, "carry"), {}, 1)
    with pytest.raises(tgc.RunError, match="count=0"):
        write_words(small(words, "carry"), {}, 0)


@pytest.mark.parametrize("units", [32, 128])
def test_a_plain_model_of_the_same_size(units):
    words = data.split_words(TEXT, LONGEST)
    spec = small(words, "carry", outer_units=units, inner_units=units, embedding=8)
    wanted = count_parameters(build_words_model(spec))
    plain = ModelSpec(
        "characters",
        spec.characters,
        spec.characters,
        units=(matching_units(wanted, spec.characters, 8),),
        embedding=8,
        engine="loop",
    )
    with tf.Graph().as_default():
        assert count_parameters(build_model(plain).chunk) == pytest.approx(wanted, rel=0.02)


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        ({"outer_units": 0}, "outer_units 0: give at least 1"),
        ({"embedding": 0}, "embedding 0"),
        ({"learning_rate": 0.0}, "learning_rate 0"),
        ({"optimizer": "zz"}, "optimizer 'zz' is unknown"),
        ({"seed": -1}, "seed -1"),
    ],
)
def test_what_makes_no_model_is_refused(options, facts):
    with pytest.raises(tgc.ChunkError, match=facts):
        build_words_model(small(data.split_words(TEXT, LONGEST), "carry", **options))
