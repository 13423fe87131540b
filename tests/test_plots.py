"""plots: what is drawn from log folders."""

import json

import numpy as np
import pytest

from tgcarry import plots
from tgcarry.errors import LogError

pyplot = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def no_figures():
    """Closes what an earlier test left open."""
    pyplot.close("all")


@pytest.fixture
def axes():
    """Gives axes and closes their figure."""
    figure, axes = pyplot.subplots()
    yield axes
    pyplot.close(figure)


def write_run(folder, train=(3.0, 2.0, None, 1.0), held=(3.0, 1.5), norms=(1.0, 0.5, 0.0)):
    folder.mkdir(parents=True, exist_ok=True)
    lines = [{"kind": "train", "step": k, "chunks": k, "loss": v} for k, v in enumerate(train)]
    lines += [
        {"kind": "validation", "step": k, "chunks": 2 * k, "loss": v} for k, v in enumerate(held)
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "summary.json").write_text(json.dumps({"carry_norms": list(norms)}))
    (folder / "config.json").write_text(json.dumps({"options": {"policy": "exact"}}))
    return folder


class TestSmooth:
    def test_of_nothing_is_nothing(self):
        assert plots.smooth([]) == []

    @pytest.mark.parametrize("count", [1, 10, 500])
    def test_keeps_a_constant_from_the_first_value_on(self, count):
        assert plots.smooth([2.5] * count) == pytest.approx([2.5] * count)

    def test_leaves_few_values_as_they_are(self):
        values = [3.0, 1.0, 2.0]
        assert plots.smooth(values) == pytest.approx(values)

    def test_is_the_weighted_average_of_what_came_before(self):
        values = np.random.default_rng(0).normal(size=300)
        rate = 1 / (0.02 * 300)
        for place in (0, 1, 10, 299):
            weights = (1 - rate) ** np.arange(place, -1, -1)
            wanted = np.average(values[: place + 1], weights=weights)
            assert plots.smooth(list(values))[place] == pytest.approx(wanted)

    def test_smooths(self):
        noise = np.random.default_rng(1).normal(size=1000)
        assert np.std(plots.smooth(list(noise))) < 0.4 * np.std(noise)


class TestDrawing:
    def test_losses_are_those_of_the_log(self, axes, tmp_path):
        plots.draw_losses(axes, {"exact": write_run(tmp_path / "run")})
        training, held = axes.get_lines()
        assert list(training.get_xdata()) == [0, 1, 3]  # What has no loss is left out.
        assert list(held.get_xdata()) == [0, 2] and list(held.get_ydata()) == [3.0, 1.5]
        assert [t.get_text() for t in axes.get_legend().get_texts()] == ["exact (validation)"]

    def test_carries_are_logarithmic_and_zeros_left_out(self, axes):
        plots.draw_carry(axes, {"exact": [1.0, 0.5, 0.0]})
        (line,) = axes.get_lines()
        assert list(line.get_ydata()[:2]) == [1.0, 0.5] and np.isnan(line.get_ydata()[2])
        assert axes.get_yscale() == "log"

    def test_a_carry_of_zeros_can_be_drawn(self, axes):
        plots.draw_carry(axes, {"exact": [0.0, 0.0]})
        assert axes.get_yscale() == "linear"

    def test_the_policies_differ_in_colour_and_dash(self):
        assert len({colour for colour, _ in plots.STYLES.values()}) == 3
        assert len({dash for _, dash in plots.STYLES.values()}) == 3


class TestPlotRun:
    @pytest.mark.parametrize("name", ["run", "_run", "a$\\foo$b", "a_b^c", "測試", "with space"])
    def test_draws_two_files_whatever_the_folder_is_called(self, tmp_path, name):
        folder = write_run(tmp_path / name)
        assert plots.plot_run(folder) == [folder / "loss.png", folder / "carry.png"]
        assert all((folder / f).read_bytes()[:4] == b"\x89PNG" for f in ("loss.png", "carry.png"))
        assert pyplot.get_fignums() == []

    @pytest.mark.parametrize("missing", ["metrics.jsonl", "summary.json"])
    def test_names_what_is_missing(self, tmp_path, missing):
        folder = write_run(tmp_path / "run")
        (folder / missing).unlink()
        with pytest.raises(LogError, match=missing.replace(".", r"\.")):
            plots.plot_run(folder)

    def test_says_where_it_cannot_write(self, tmp_path):
        folder = write_run(tmp_path / "run")
        (folder / "loss.png").mkdir()
        with pytest.raises(LogError, match=r"loss\.png: cannot be written"):
            plots.plot_run(folder)


def test_a_comparison_is_one_file_with_a_row_per_task(tmp_path):
    runs = {name: write_run(tmp_path / name) for name in plots.STYLES}
    one = plots.draw_comparison(tmp_path / "one.png", {"recall": runs}, {"recall": 1.386})
    two = plots.draw_comparison(tmp_path / "two.png", {"recall": runs, "adding": runs})
    sizes = [np.asarray(pyplot.imread(path)).shape for path in (one, two)]
    assert sizes[1][0] == pytest.approx(2 * sizes[0][0], abs=2)
    assert sizes[1][1] == sizes[0][1]
