"""pages: runs beside one another on one HTML page."""

import html.parser
import json
import math
import os
import re
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from log_folders import CONFIG, LINES, SUMMARY, held_line, train_line, write_run

from tgcarry.errors import LogError
from tgcarry.pages import compose, read_runs, write_page
from tgcarry.pages.curves import thinned
from tgcarry.pages.markup import Markup, element, join
from tgcarry.pages.scales import linear, logarithmic
from tgcarry.pages.tables import differing, flattened

NUMBER = re.compile(r"-?\d+(\.\d+)?")


class Page(html.parser.HTMLParser):
    """Parses a page strictly: every element is closed where it should be."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.tables, self.text, self.lines = [], [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        given = dict(attributes)
        assert len(given) == len(attributes)
        if tag != "meta":
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("th", "td"):
            self.tables[-1][-1].append("")
        if given.get("class") == "line":
            self.lines.append(given["d"])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)
        if {"th", "td"} & set(self.open):
            self.tables[-1][-1][-1] += data


def page_of(*folders):
    """Composes a page and checks that it needs nothing from outside and runs nothing."""
    text = compose(read_runs(folders))
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert "<script" not in text and "http" not in text and "url(" not in text
    for line in page.lines:
        assert all(NUMBER.fullmatch(n) for n in re.split("[ ML]", line) if n), line
    return page


class TestMarkup:
    def test_escapes_text_and_attributes_once(self):
        assert element("p", 'a < "b"', title='"&') == (
            '<p title="&quot;&amp;">a &lt; &quot;b&quot;</p>'
        )
        assert element("b", element("i", "<")) == "<b><i>&lt;</i></b>"
        assert join("<", Markup("<br>")) == "&lt;<br>"

    def test_spells_out_what_html_cannot_hold(self):
        assert element("p", "a\x00\udcffb").encode() == rb"<p>a\x00\udcffb</p>"


class TestScales:
    @pytest.mark.parametrize("values", [[0], [5, 5], [-1e300, 1e300], [1e-320], [1e6, 1e6 + 1]])
    def test_linear_holds_its_values_and_ticks(self, values):
        scale = linear(values)
        ticks = scale.ticks()
        assert 2 <= len(ticks) <= 12 and len({text for _, text in ticks}) == len(ticks)
        for value in [*values, *(tick for tick, _ in ticks)]:
            assert -1e-9 <= scale.place(value) <= 1 + 1e-9

    @pytest.mark.parametrize("values", [[1.0], [1e-300, 1e300], [0.0, 3.0, 4.0], [1e-5, 0.3]])
    def test_logarithmic_takes_whole_decades(self, values):
        scale = logarithmic(values)
        assert 2 <= len(scale.ticks()) <= 12
        for value in values:
            assert scale.place(value) is None if value <= 0 else 0 <= scale.place(value) <= 1

    def test_of_nothing_there_is_none(self):
        assert linear([]) is None and linear([math.inf]) is None
        assert logarithmic([0.0, -1.0]) is None


def test_thinning_keeps_the_extremes_and_the_order():
    points = [(k, math.sin(k / 3) + 9 * (k == 4321)) for k in range(10000)]
    kept = thinned(points, 500)
    assert len(kept) <= 520 and kept == sorted(kept) and set(kept) <= set(points)
    assert max(y for _, y in kept) == points[4321][1]
    assert thinned(points[:500], 500) == points[:500]


class TestSettings:
    def test_are_laid_out_under_dotted_names(self):
        nested = {"a": {"b": {"c": 1}, "d": [1, {"x": 2}]}, "e": {}, "f": 2}
        assert flattened(nested) == {"a.b.c": 1, "a.d": [1, {"x": 2}], "e": {}, "f": 2}
        assert flattened(nested, without=["a"]) == {"e": {}, "f": 2}

    def test_differ_in_value_type_or_presence(self):
        one = {"same": 1, "value": 1, "only": 0, "type": 1}
        two = {"same": 1, "value": 2, "type": True}
        assert differing([one, two]) == ["only", "type", "value"]
        assert differing([one]) == []


class TestPage:
    def test_tabulates_the_figures(self, tmp_path):
        finished = write_run(tmp_path / "one", summary=SUMMARY)
        lines = [held_line(0, 1.0, accuracy=0.25), train_line(1), train_line(2)]
        going = write_run(tmp_path / "two", lines, torn='{"kind": "tr')
        header, *rows = page_of(finished, going).tables[0]
        first, second = (dict(zip(header, row, strict=True)) for row in rows)
        assert first["run"].strip() == str(finished) and second["run"].strip() == str(going)
        assert (first["state"], second["state"]) == ("finished", "not finished")
        assert (first["policy"], second["policy"]) == ("ExactSweep(window=2)", "exact")
        assert (first["steps"], first["chunks"], second["steps"]) == ("5", "10", "2")
        assert (first["validation loss"], first["perplexity"]) == ("1.5", "-")
        assert second["perplexity"] == "2.7183"
        assert (first["ms/step"], second["ms/step"]) == ("100", "100")
        assert (first["peak memory, MiB"], second["peak memory, MiB"]) == ("512.25", "-")
        assert (first["attempts"], first["bad numbers"]) == ("-", "0")

    @pytest.mark.parametrize(
        ("age", "shown"), [(0, "3 (1 stopped)"), (1e6, "3 (1 killed, 1 stopped)")]
    )
    def test_tabulates_how_often_a_run_was_interrupted(self, tmp_path, age, shown):
        folder = write_run(tmp_path / "one")
        lines = [
            {"event": "start", "chunks": 0},
            {"event": "end", "chunks": 4, "reason": "stopped"},
            {"event": "start", "chunks": 4},
            {"event": "end", "chunks": 4, "reason": "finished"},
            {"event": "start", "chunks": 4},
        ]
        attempts = folder / "attempts.jsonl"
        attempts.write_text("".join(json.dumps(line) + "\n" for line in lines))
        for path in (attempts, folder / "metrics.jsonl"):
            os.utime(path, (time.time() - age,) * 2)
        header, row = page_of(folder).tables[0]
        assert row[header.index("attempts")] == shown

    def test_tabulates_where_numbers_went_bad(self, tmp_path):
        bad = {"kind": "bad", "step": 3, "chunk": 7, "what": "<loss>", "action": "skip"}
        lines = [
            *LINES,
            bad,
            *({"kind": "bad", "step": k, "chunk": -1} for k in range(30)),
            train_line(6),
        ]
        page = page_of(write_run(tmp_path / "one", lines), write_run(tmp_path / "two"))
        figures, table = page.tables[:2]
        assert [row[figures[0].index("bad numbers")] for row in figures[1:]] == ["31", "0"]
        assert table[0] == ["run", "step", "chunk", "action", "what"]
        assert table[1][1:] == ["3", "7", "skip", "<loss>"]
        assert table[2][1:] == ["0", "-", "-", "-"]
        assert len(table) == 1 + 20 + 1 and table[-1][-1] == "and 11 more"
        assert "Bad numbers" in page.text
        assert "Bad numbers" not in page_of(tmp_path / "two").text

    def test_draws_what_only_some_lines_hold(self, tmp_path):
        lines = [train_line(k, clipped=k % 2, memory_mib=500.0 + k) for k in range(1, 5)]
        one = page_of(write_run(tmp_path / "one", lines), write_run(tmp_path / "two"))
        assert "Carried gradients that were clipped" in one.text
        assert "Memory of the process" in one.text
        held = write_run(tmp_path / "held", [held_line(2, 1.0, memory_mib=9.0)])
        assert "Memory of the process" in page_of(held).text
        two = page_of(tmp_path / "two")
        assert not {"Carried gradients that were clipped", "Memory of the process"} & set(two.text)

    def test_shows_only_the_settings_that_differ(self, tmp_path):
        other = json.loads(json.dumps(CONFIG))
        other["options"]["data"]["batch"] = 8
        other["model"]["units"] = [4, 4]
        other["versions"]["python"] = "3.13.0"
        page = page_of(
            write_run(tmp_path / "one"), write_run(tmp_path / "two", config=other, summary=SUMMARY)
        )
        _, settings, versions = page.tables
        assert settings[1:] == [
            ["model.units", "[4]", "[4, 4]"],
            ["options.data.batch", "4", "8"],
        ]
        assert versions[1:] == [
            ["python", "3.11.1", "3.13.0"],
            ["tensorflow", "2.16.1", "2.16.1"],
        ]

    def test_draws_a_line_for_each_run_and_figure(self, tmp_path):
        one = page_of(write_run(tmp_path / "one", summary=SUMMARY))
        assert len(one.lines) == 4 + 3 + 1 and "rect" in one.tags
        # The carried gradient's last norm is 0 and has no place on a logarithmic axis.
        assert one.lines[6].count("L") == 1
        both = page_of(tmp_path / "one", write_run(tmp_path / "two"))
        assert len(both.lines) == 4 * 2 + (2 + 2 + 2) + 2
        assert both.lines[-3] == "" and any("no values" in text for text in both.text)

    def test_a_single_point_is_a_dot(self, tmp_path):
        page = page_of(write_run(tmp_path / "one", [held_line(3, 0.5)]))
        start, end = page.lines[0].removeprefix("M").split("L")
        assert start == end

    def test_a_run_without_lines_has_a_page_too(self, tmp_path):
        page = page_of(write_run(tmp_path / "one", [], config={}))
        assert page.lines == [] and page.text.count("No run has such values yet.") == 9

    def test_escapes_names_and_settings(self, tmp_path):
        config = {"options": {"policy": "<script>alert(1)</script>"}, "x": {"<b>": "</table>"}}
        folder = write_run(tmp_path / '<script>"&', config=config)
        page = page_of(folder, write_run(tmp_path / "other", config={"a\x00": "\ud800"}))
        _, settings = page.tables
        assert settings[0][1].strip() == str(folder)
        assert ["x.<b>", "</table>", "-"] in settings
        assert page.tables[0][1][2] == "<script>alert(1)</script>"

    def test_runs_of_different_kinds_go_together(self, tmp_path):
        words = [{"kind": "train", "step": 1, "loss": 2.0, "characters": 99}]
        words += [{"kind": "validation", "step": 1, "loss": 2.0, "perplexity": 7.4}]
        folder = write_run(tmp_path / "w", words, config={"vocabulary": ["a"] * 99})
        page = page_of(folder, write_run(tmp_path / "o"))
        assert [row[0] for row in page.tables[1] if row[0][0] == "v"] == ["vocabulary"]

    def test_gradients_of_0_are_said_to_be_that(self, tmp_path):
        still = write_run(tmp_path / "one", [train_line(k, upstream_norm=0.0) for k in (1, 2)])
        page = page_of(still, write_run(tmp_path / "two"))
        assert any("(0 throughout)" in text for text in page.text)

    @pytest.mark.parametrize("damage", ["config.json", "metrics.jsonl"])
    def test_a_damaged_folder_is_named(self, tmp_path, damage):
        folder = write_run(tmp_path / "one", LINES)
        (folder / damage).write_text("{\n{}")
        with pytest.raises(LogError, match=re.escape(damage)):
            read_runs([folder])

    def test_says_where_it_cannot_write(self, tmp_path):
        with pytest.raises(LogError, match=r"nowhere.*cannot be written"):
            write_page([], tmp_path / "nowhere" / "page.html")


figures = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers()
line = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["train", "validation", "bad"]),
        "step": st.integers(0, 99) | figures,
    },
    optional={
        name: figures
        for name in (
            *("loss", "accuracy", "chunks", "grad_norm", "upstream_norm", "seconds"),
            *("clipped", "memory_mib", "chunk", "action", "what"),
        )
    },
)
summary = st.none() | st.fixed_dictionaries(
    {"carry_norms": st.lists(figures, max_size=5)},
    optional={name: figures for name in ("peak_memory_mib", "milliseconds_per_step")},
)
runs = st.lists(st.tuples(st.lists(line, max_size=12), summary), min_size=1, max_size=3)


@settings(max_examples=60)
@given(runs)
def test_any_finite_figures_give_a_page(found):
    with tempfile.TemporaryDirectory() as place:
        folders = [
            write_run(Path(place) / str(k), lines, summary=summed, checkpoints=())
            for k, (lines, summed) in enumerate(found)
        ]
        page_of(*folders)
