"""evaluation: a log folder, restored."""

import itertools
import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from tgcarry.dataset import DataOptions
from tgcarry.errors import DataError, LogError, RunError
from tgcarry.evaluation import evaluate, read_trained, restored, sample
from tgcarry.training import TrainOptions, train

TEXT = "to be or not to be\n"


@pytest.fixture(scope="module")
def text_run(tmp_path_factory):
    """Is a run on a sentence that it has learnt by heart."""
    folder = tmp_path_factory.mktemp("evaluation")
    (folder / "text.txt").write_text(TEXT * 100)
    options = TrainOptions(
        DataOptions(str(folder / "text.txt"), batch=8, chunk=19),
        units=(24,),
        engine="loop",
        embedding=8,
        window=2,
        epochs=12,
        learning_rate=0.03,
    )
    train(options, folder / "run", on_text=lambda text: None)
    return folder / "run"


@pytest.fixture(scope="module")
def series_run(tmp_path_factory):
    """Is a run on numbers."""
    folder = tmp_path_factory.mktemp("series") / "run"
    options = TrainOptions(DataOptions("series", batch=4, chunk=20), units=(4,), steps=2)
    train(options, folder, on_text=lambda text: None)
    return folder


@pytest.mark.parametrize("run", ["text_run", "series_run"])
def test_the_held_out_part_gives_the_summarys_figures(run, request):
    folder = request.getfixturevalue(run)
    summary = json.loads((folder / "summary.json").read_text())
    result = evaluate(folder)
    assert result["step"] == summary["steps"]
    for name, value in summary["validation"].items():
        assert result[name] == pytest.approx(value, rel=1e-5, abs=1e-5)


def test_the_spec_and_the_scale_come_back_whole(series_run):
    trained = read_trained(series_run)
    config = json.loads((series_run / "config.json").read_text())
    assert trained.spec.units == (4,) and trained.options.batch == 4
    assert trained.vocabulary is None
    assert np.array_equal(trained.scale.std["x"], config["scale"]["std"]["x"])


def test_restored_weights_are_not_the_initial_ones(text_run):
    trained = read_trained(text_run)
    with restored(trained, text_run) as (runner, model, step):
        assert runner.session.run(model.global_step) == step > 0


class TestOwnFile:
    def test_is_scaled_as_in_training(self, series_run, tmp_path):
        trained = read_trained(series_run)
        values = np.random.default_rng(0).normal(size=(201, 1)) * 5 + 3
        np.save(tmp_path / "mine.npy", values)
        result = evaluate(series_run, str(tmp_path / "mine.npy"), batch=1)
        assert result["time_steps"] == 200
        shifted = (values - trained.scale.mean["x"]) / trained.scale.std["x"]
        with restored(trained, series_run) as (runner, model, _):
            feeds = model.chunk.feeds
            (port,) = [model.chunk.ports.initial_state]
            predictions = runner.session.run(
                model.predictions,
                {
                    feeds["x"]: shifted[None, :200],
                    feeds["lengths"]: [200],
                    port: np.zeros((1, 4)),
                },
            )
        target = (values[1:] - trained.scale.mean["y"]) / trained.scale.std["y"]
        wanted = 0.5 * np.mean((predictions[0] - target) ** 2)
        assert result["loss"] == pytest.approx(wanted, rel=1e-4)

    def test_text_that_fits_scores_better_than_text_that_does_not(self, text_run, tmp_path):
        (tmp_path / "same.txt").write_text(TEXT * 10)
        (tmp_path / "other.txt").write_text("".join(reversed(TEXT)) * 10)
        losses = [
            evaluate(text_run, str(tmp_path / f"{n}.txt"), 1)["loss"] for n in ("same", "other")
        ]
        assert losses[0] < 0.5 < losses[1]

    def test_another_kind_is_refused(self, text_run, series_run, tmp_path):
        (tmp_path / "a.txt").write_text(TEXT * 10)
        with pytest.raises(RunError, match=r"a\.txt: characters.*regression"):
            evaluate(series_run, str(tmp_path / "a.txt"))
        np.save(tmp_path / "x.npy", np.zeros((100, 1), np.float32))
        with pytest.raises((RunError, DataError)) as error:
            evaluate(text_run, str(tmp_path / "x.npy"))
        assert "characters" in str(error.value), "what the model was trained for"


class TestSample:
    def test_is_the_same_for_the_same_seed(self, text_run):
        one, two, three = (sample(text_run, 60, temperature=2.0, seed=seed) for seed in (4, 4, 5))
        assert one == two != three
        assert len(one) == 60 and set(one) <= set(TEXT)

    def test_goes_on_from_the_prime_when_cold(self, text_run):
        prime = TEXT + TEXT + "to be or"
        assert sample(text_run, 10, prime=prime, temperature=0.01) == " not to be"

    def test_is_livelier_when_hot(self, text_run):
        cold, hot = (sample(text_run, 200, temperature=t) for t in (0.01, 50.0))
        assert len(set(hot)) > len(set(cold)) - 1 and hot != cold
        pairs = {TEXT[k : k + 2] for k in range(len(TEXT) - 1)} | {"\nt"}
        strange = [sum(a + b not in pairs for a, b in itertools.pairwise(t)) for t in (cold, hot)]
        assert strange[0] < 10 < strange[1]

    @pytest.mark.parametrize(
        ("arguments", "fact"),
        [
            ({"length": 0}, "length"),
            ({"temperature": 0.0}, "temperature"),
            ({"temperature": float("nan")}, "temperature"),
            ({"prime": ""}, "prime"),
            ({"seed": -1}, "seed"),
        ],
    )
    def test_refuses_what_is_out_of_range(self, text_run, arguments, fact):
        with pytest.raises(RunError, match=fact):
            sample(text_run, **{"length": 5, **arguments})

    def test_refuses_an_unknown_character_by_its_place(self, text_run):
        with pytest.raises(DataError, match=r"line 2, column 3.*'€'"):
            sample(text_run, 5, prime="to\nbe€")

    def test_refuses_a_model_of_numbers(self, series_run):
        with pytest.raises(RunError, match=r"characters.*regression"):
            sample(series_run, 5)


def test_a_spec_that_does_not_fit_the_checkpoint_is_refused(series_run):
    trained = read_trained(series_run)
    with pytest.raises(LogError, match="checkpoint"):
        with restored(replace(trained, spec=replace(trained.spec, units=(5,))), series_run):
            pass


def test_a_configuration_of_names_that_nobody_wrote(tmp_path):
    data = {**asdict(DataOptions()), "a\nb": 1}
    spec = {"kind": "regression", "inputs": 1, "outputs": 1, "units": [2]}
    config = {"options": {"data": data}, "model": spec}
    config |= {"vocabulary": None, "classes": None, "scale": None}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(LogError, match="not a run's configuration") as error:
        read_trained(tmp_path)
    assert "\n" not in str(error.value)
