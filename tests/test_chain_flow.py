"""What depends on what in two chained models: whole matrices, entry by entry."""

import functools
from pathlib import Path

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tgcarry as tgc
from tgcarry.chain_plot import draw_chain_flows

BATCH, WIDTH = 2, 3
# Over [3, 4, 2]: columns are Out[0][0] .. Out[2][1], then IR, x, and the initial states.
CARRY = """
    #.. .... ..  #.. #.. ##
    ##. .... ..  #.. #.. ##
    ### .... ..  #.. #.. ##
    ### #... ..  ##. ##. ##
    ### ##.. ..  ##. ##. ##
    ### ###. ..  ##. ##. ##
    ### #### ..  ##. ##. ##
    ### #### #.  ### ### ##
    ### #### ##  ### ### ##
"""
RESET = """
    #.. .... ..  #.. #.. #.
    ##. .... ..  #.. #.. #.
    ### .... ..  #.. #.. #.
    ... #... ..  .#. ##. #.
    ... ##.. ..  .#. ##. #.
    ... ###. ..  .#. ##. #.
    ... #### ..  .#. ##. #.
    ... .... #.  ..# ### #.
    ... .... ##  ..# ### #.
"""
CUT = """
    #.. .... ..  ... ... .#
    ##. .... ..  ... ... .#
    ### .... ..  ... ... .#
    ### #... ..  ... ... .#
    ### ##.. ..  ... ... .#
    ### ###. ..  ... ... .#
    ### #### ..  ... ... .#
    ### #### #.  ... ... .#
    ### #### ##  ... ... .#
"""
CUT_RESET = """
    #.. .... ..  ... ... ..
    ##. .... ..  ... ... ..
    ### .... ..  ... ... ..
    ... #... ..  ... ... ..
    ... ##.. ..  ... ... ..
    ... ###. ..  ... ... ..
    ... #### ..  ... ... ..
    ... .... #.  ... ... ..
    ... .... ##  ... ... ..
"""
ONES_CARRY = """
    #.....  #..... #..... ##
    ##....  ##.... ##.... ##
    ###...  ###... ###... ##
    ####..  ####.. ####.. ##
    #####.  #####. #####. ##
    ######  ###### ###### ##
"""
ONES_RESET = """
    #.....  #..... #..... #.
    .#....  .#.... ##.... #.
    ..#...  ..#... ###... #.
    ...#..  ...#.. ####.. #.
    ....#.  ....#. #####. #.
    .....#  .....# ###### #.
"""
# Two streams of their own: IR[1] reaches nothing in the first, where no inner step reads it.
UNEVEN = [[2, 0, 1], [0, 2, 2]]
UNEVEN_CARRY = [
    """
    #. .  #.. #.. ##
    ## .  #.. #.. ##
    ## #  #.# ### ##
    """,
    """
    #. ..  .#. ##. ##
    ## ..  .#. ##. ##
    ## #.  .## ### ##
    ## ##  .## ### ##
    """,
]
UNEVEN_RESET = [
    """
    #. .  #.. #.. #.
    ## .  #.. #.. #.
    .. #  ..# ### #.
    """,
    """
    #. ..  .#. ##. #.
    ## ..  .#. ##. #.
    .. #.  ..# ### #.
    .. ##  ..# ### #.
    """,
]


def lines(text):
    return ["".join(line.split()) for line in text.strip().splitlines()]


def cells(kind=tgc.BasicRNNCell):
    return kind(3), kind(2)


@functools.cache
def flow_of(steps, kind=tgc.BasicRNNCell, engine="stock", **options):
    steps = np.array(steps)
    x = np.random.default_rng(3).normal(size=(BATCH, steps.shape[-1], WIDTH))
    return tgc.chain_flow(*cells(kind), x, steps, engine=engine, **options)


def rule(steps, mode, cut=False, lengths=None, resets=None):
    """Says what flows, from what the two models are; plain Python, a dict per stream.

    A step reads the inner state of the one before it in its stream, unless it begins anew, and
    its outer output, which reads the outer state. Everything follows from that.
    """
    batch, times = len(steps), len(steps[0])
    found = {}
    for b in range(batch):
        begin, carried = {"outer state"}, {"inner state"}
        for i in range(times):
            if lengths is not None and i >= lengths[b]:
                break
            if resets is not None and resets[b][i]:
                begin, carried = set(), set()
            begin = begin | {f"x[{i}]"}
            inner = set() if mode == "reset" else carried
            for j in range(steps[b][i]):
                reads = set() if cut else begin | {f"IR[{i}]"}
                inner = inner | reads | {f"Out[{i}][{j}]"}
                found[b, f"Out[{i}][{j}]"] = inner
            carried = inner
    return found


def as_rule(flow):
    found = {}
    for b, r in np.ndindex(flow.flows.shape[:2]):
        names = {flow.columns[c] for c in np.flatnonzero(flow.flows[b, r])}
        if names:
            found[b, flow.rows[r]] = names
    return found


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, CARRY),
        ({"inner_state": "reset"}, RESET),
        ({"cut_outer_gradient": True}, CUT),
        ({"inner_state": "reset", "cut_outer_gradient": True}, CUT_RESET),
    ],
    ids=["carry", "reset", "cut", "cut reset"],
)
def test_the_whole_matrix_at_the_sizes_of_the_post(options, wanted):
    flow = flow_of((3, 4, 2), **options)
    for b in range(BATCH):
        assert flow.marks(b) == lines(wanted)
    mode, cut = options.get("inner_state", "carry"), "cut_outer_gradient" in options
    assert as_rule(flow) == rule([[3, 4, 2]] * BATCH, mode, cut)
    assert flow.crossings == () and not flow.vanished.any()


@pytest.mark.parametrize(
    ("mode", "wanted"), [("carry", ONES_CARRY), ("reset", ONES_RESET)], ids=["carry", "reset"]
)
def test_one_inner_step_at_each_outer_one(mode, wanted):
    flow = flow_of((1,) * 6, inner_state=mode)
    assert flow.marks(0) == flow.marks(1) == lines(wanted)
    assert as_rule(flow) == rule([[1] * 6] * BATCH, mode)


@pytest.mark.parametrize(
    ("mode", "wanted"), [("carry", UNEVEN_CARRY), ("reset", UNEVEN_RESET)], ids=["carry", "reset"]
)
def test_each_stream_has_steps_of_its_own(mode, wanted):
    flow = flow_of(tuple(map(tuple, UNEVEN)), inner_state=mode)
    assert [flow.marks(b) for b in range(BATCH)] == [lines(text) for text in wanted]
    assert as_rule(flow) == rule(UNEVEN, mode)
    assert flow.steps.tolist() == UNEVEN


@pytest.mark.parametrize("mode", ["carry", "reset"])
def test_flags_and_lengths_cut_both_models(mode):
    flags = ((False, True, False, False), (False, False, True, False))
    steps, lengths = [[1, 0, 2, 1], [2, 1, 1, 1]], [4, 3]
    flow = flow_of(
        tuple(map(tuple, steps)), inner_state=mode, resets=flags, sequence_length=(4, 3)
    )
    assert as_rule(flow) == rule(steps, mode, False, lengths, flags)
    assert flow.steps.tolist() == [[1, 0, 2, 1], [2, 1, 1, 0]]


@pytest.mark.parametrize(
    ("engine", "steps", "options"),
    [
        ("fused", tuple(map(tuple, UNEVEN)), {"inner_state": "carry"}),
        ("loop", tuple(map(tuple, UNEVEN)), {"inner_state": "reset"}),
        ("loop", (3, 4, 2), {"cut_outer_gradient": True}),
    ],
    ids=["fused carry", "loop reset", "loop cut"],
)
def test_the_engines_differentiate_along_the_same_ways(engine, steps, options):
    got, wanted = (flow_of(steps, engine=e, **options) for e in (engine, "stock"))
    assert (got.flows == wanted.flows).all()
    assert ((got.sizes == 0) == (wanted.sizes == 0)).all()
    np.testing.assert_allclose(got.sizes, wanted.sizes, rtol=1e-10)


def stacked(units):
    return tgc.MultiRNNCell([tgc.BasicLSTMCell(units), tgc.BasicLSTMCell(units)])


@pytest.mark.parametrize(
    ("kind", "mode"), [(tgc.GRUCell, "carry"), (tgc.BasicLSTMCell, "reset"), (stacked, "carry")]
)
def test_the_cell_makes_no_difference(kind, mode):
    flow = flow_of(tuple(map(tuple, UNEVEN)), kind, inner_state=mode)
    assert as_rule(flow) == rule(UNEVEN, mode)


def test_nothing_crosses_between_streams_and_padding_leads_nowhere():
    flow = flow_of(tuple(map(tuple, UNEVEN)))
    for a in range(BATCH):
        assert not flow.sizes[a, :, 1 - a].any()
        made = [
            f"Out[{i}][{j}]" in {f"Out[{k}][{m}]" for k, m in flow.made(a)}
            for i in range(3)
            for j in range(2)
        ]
        padding = ~np.array(made)
        assert not flow.sizes[a, padding].any()
        assert not flow.sizes[a][:, a, : len(flow.rows)][:, padding].any()
        # The probe is where its label says: an output's derivative at itself is the weight.
        own = np.diagonal(flow.sizes[a, :, a, : len(flow.rows)])[~padding]
        assert ((own >= 0.5) & (own <= 1.5)).all()


class TestTheDoubtsOfThePost:
    def test_gradients_run_between_two_columns_by_the_state_alone(self):
        carry, reset = (flow_of((3, 4, 2), inner_state=mode) for mode in ("carry", "reset"))
        for b in range(BATCH):
            assert carry.depends("Out[2][0]", "Out[0][1]", b)
            assert not carry.depends("Out[0][1]", "Out[2][0]", b)
            assert not reset.depends("Out[2][0]", "Out[0][1]", b)

    def test_a_later_representation_never_leads_to_an_earlier_output(self):
        for mode in ("carry", "reset"):
            assert not flow_of((3, 4, 2), inner_state=mode).depends("Out[0][1]", "IR[1]")

    def test_cut_off_from_a_the_second_model_still_has_its_own_sideways_gradient(self):
        cut = flow_of((3, 4, 2), cut_outer_gradient=True)
        assert cut.depends("Out[2][0]", "Out[0][1]")
        assert not any(cut.depends("Out[2][1]", f"x[{i}]") for i in range(3))
        both = flow_of((3, 4, 2), cut_outer_gradient=True, inner_state="reset")
        assert not both.depends("Out[2][0]", "Out[0][1]")

    def test_one_array_of_outputs_makes_nothing_flow_sideways(self):
        # In both all outputs are written into one tensor; only the state is passed or not.
        carry, reset = (flow_of((1,) * 6, inner_state=mode) for mode in ("carry", "reset"))
        later = [(f"Out[{i}][0]", f"Out[{k}][0]") for i in range(6) for k in range(i)]
        assert all(carry.depends(*pair) for pair in later)
        assert not any(reset.depends(*pair) for pair in later)
        # The first model's gradient runs sideways all the same.
        assert all(reset.depends(f"Out[{i}][0]", f"x[{k}]") for i in range(6) for k in range(i))

    def test_the_gradients_of_both_models_differ_then(self):
        found = []
        x = tf.constant(np.random.default_rng(4).normal(size=(2, 6, 4)))
        for mode in ("carry", "reset"):
            with tf.variable_scope("model", reuse=tf.AUTO_REUSE):
                cells = tgc.BasicRNNCell(4), tgc.BasicRNNCell(4)
                out = tgc.chained_rnn(*cells, x, [1] * 6, inner_state=mode, engine="loop")
            loss = tf.reduce_sum(out.outputs**2)
            found.append(tf.gradients(loss, tf.trainable_variables()))
        assert len(found[0]) == 4
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            carry, reset = session.run(found)
        for a, b in zip(carry, reset, strict=True):
            assert np.abs(a - b).max() > 1e-3 * np.abs(a).max()


class Linear:
    """Is a cell without variables: output = state = inputs' sum + factor * state."""

    state_size = output_size = 1

    def __init__(self, factor=1.0, batch=0.0):
        self._factor, self._batch = factor, batch

    def zero_state(self, batch_size, dtype):
        return tf.zeros([batch_size, 1], dtype)

    def __call__(self, inputs, state, scope=None):
        new = tf.reduce_sum(inputs, 1, keepdims=True) + self._factor * state
        new += self._batch * tf.reduce_sum(state, 0, keepdims=True)
        return new, new


def linear_flow(inner, steps=(1, 1, 1), **options):
    x = np.ones((BATCH, len(steps), 1))
    return tgc.chain_flow(Linear(), inner, x, steps, **options)


class TestWhatIsNotQuiteZero:
    def test_a_tiny_gradient_is_named(self):
        flow = linear_flow(Linear(1e-13))
        assert flow.marks(0) == lines("#.. #.. #.. #~\n ~#. ~#. ##. #~\n ~~# ~~# ### #~")
        assert flow.depends("Out[1][0]", "Out[0][0]")
        assert 0 < flow.sizes[0, 1, 0, 0] < 1e-12

    def test_an_underflow_is_not_taken_for_no_way(self):
        flow = linear_flow(Linear(1e-200))
        assert flow.sizes[0, 2, 0, 0] == 0.0
        assert flow.marks(0)[2] == "~~#~~#####~"

    def test_no_way_stays_none(self):
        assert linear_flow(Linear(0.0)).marks(0)[2] == "..#..#####."

    def test_streams_that_interact_are_named(self):
        flow = linear_flow(Linear(batch=1.0), (1, 1))
        assert "Out[1][0] of stream 0 depends on Out[0][0] of stream 1" in flow.crossings
        assert flow.crossings[0] in flow.describe()


class TestText:
    def test_rows_of_marks(self):
        flow = flow_of(((1, 0, 2), (0, 0, 0)), inner_state="reset")
        wanted = [
            "stream 0",
            "           Out[0]  Out[2]  IR     x      state",
            "           0       0 1     0 1 2  0 1 2  o i",
            "Out[0][0]  #       . .     # . .  # . .  # .",
            "Out[2][0]  .       # .     . . #  # # #  # .",
            "Out[2][1]  .       # #     . . #  # # #  # .",
            "stream 1",
            "makes no inner step",
            "# flows  . does not  ~ vanished  (state: o outer, i inner)",
            "nothing flows between streams",
        ]
        assert str(flow).splitlines() == wanted
        assert flow.describe(0).splitlines()[1:6] == wanted[1:6]
        assert "stream 1" not in flow.describe(0)

    def test_streams_that_are_alike_are_written_once(self):
        assert str(flow_of((3, 4, 2))).splitlines()[0] == "streams 0, 1"

    def test_a_picture(self, tmp_path):
        pytest.importorskip("matplotlib")
        flow = flow_of((3, 4, 2))
        path = draw_chain_flows(tmp_path / "f.png", {"a": flow, "b": linear_flow(Linear(1e-13))})
        assert path.read_bytes()[:4] == b"\x89PNG" and path.stat().st_size > 5000
        with pytest.raises(tgc.CarryError, match="nothing to draw"):
            draw_chain_flows(tmp_path / "g.png", {})
        none = flow_of(((1, 0, 2), (0, 0, 0)), inner_state="reset")
        with pytest.raises(tgc.CarryError, match="nothing to draw for c"):
            draw_chain_flows(tmp_path / "g.png", {"c": none}, 1)


@pytest.mark.parametrize(
    ("steps", "options"),
    [
        ((3, 4, 2), {}),
        ((3, 4, 2), {"inner_state": "reset"}),
        ((3, 4, 2), {"cut_outer_gradient": True}),
        ((1,) * 6, {"inner_state": "carry"}),
        ((1,) * 6, {"inner_state": "reset"}),
    ],
)
def test_the_documentation_shows_what_is_printed(steps, options):
    page = Path(__file__).parents[1] / "docs" / "chained.md"
    table = str(flow_of(steps, **options)).splitlines()[1:-2]
    assert "\n".join(table) in page.read_text(encoding="utf-8")


X = np.zeros((2, 3, 1))
BAD = {
    "a name": ({"inputs": "x"}, r"inputs=\): 'x' is no array"),
    "a ragged list": ({"inputs": [[[1.0]], [[1.0, 2.0]]]}, "is no array"),
    "rank": ({"inputs": np.zeros((2, 3))}, r"shape \(2, 3\); give floats \[batch"),
    "empty": ({"inputs": np.zeros((2, 0, 1))}, "at least one of each"),
    "not finite": ({"inputs": np.full((2, 3, 1), np.nan)}, "not finite"),
    "fractions": ({"inner_steps": [1.0, 2.0, 1.0]}, "float64"),
    "too few": ({"inner_steps": [1, 2]}, r"shape \(2,\); give integers, \(3,\) or \(2, 3\)"),
    "negative": ({"inner_steps": [1, -1, 2]}, "0 or more"),
    "none at all": ({"inner_steps": [0, 0, 0]}, "1 somewhere"),
    "too many": ({"inner_steps": [1000, 1, 1]}, "6000 session calls, above 4096"),
    "mode": ({"inner_state": "keep"}, r"chain_flow\(inner_state='keep'\)"),
    "lengths": ({"sequence_length": [3]}, "give 2 integers"),
    "long": ({"sequence_length": [3, 4]}, "from 0 to 3"),
    "no length": ({"sequence_length": [0, 0]}, "leave an inner step"),
    "flags": ({"resets": np.zeros((2, 3))}, r"give bools \(2, 3\)"),
    "seed": ({"seed": -1}, r"seed=-1\): give an integer"),
    "engine": ({"engine": "fast"}, "fast"),
    "a class": ({"inner_cell": tgc.GRUCell}, r"chain_flow\(inner_cell=.*no state_size"),
    "no cell": ({"outer_cell": 3}, r"chain_flow\(outer_cell=3\)"),
}


@pytest.mark.parametrize(("given", "message"), BAD.values(), ids=BAD)
def test_what_does_not_fit_is_refused(given, message):
    arguments = {"inputs": X, "inner_steps": [1, 1, 1], "outer_cell": Linear()}
    arguments = {**arguments, "inner_cell": Linear(), **given}
    with pytest.raises(tgc.CarryError, match=message):
        tgc.chain_flow(**arguments)


def test_cells_that_cannot_be_asked():
    wrapped = tgc.ResidualWrapper(tgc.GRUCell(3))
    with pytest.raises(tgc.CarryError, match="output is no leaf of its state"):
        tgc.chain_flow(tgc.GRUCell(3), wrapped, X, [1, 1, 1], engine="stock")
    used = tgc.GRUCell(2)
    used(tf.zeros([1, 1], tf.float64), tf.zeros([1, 2], tf.float64))
    with pytest.raises(tgc.TgcarryError, match="make a new cell for this one"):
        tgc.chain_flow(used, tgc.GRUCell(2), X, [1, 1, 1])
    with pytest.raises(tgc.TgcarryError, match="float32"):
        tgc.chain_flow(tgc.GRUCell(2), tgc.GRUCell(2, dtype=tf.float32), X, [1, 1, 1])
    two = Linear()
    two.output_size = (1, 1)
    with pytest.raises(tgc.CarryError, match="one output"):
        tgc.chain_flow(Linear(), two, X, [1, 1, 1])


@pytest.mark.parametrize("where", [("Out[9][0]", "x[0]"), ("Out[0][0]", "z")])
def test_asking_for_what_is_not_there(where):
    flow = flow_of((3, 4, 2))
    with pytest.raises(tgc.CarryError, match="there is no"):
        flow.depends(*where)
    for sample in (2, -1, "a", True):
        for method in (flow.describe, flow.marks, flow.made):
            with pytest.raises(tgc.CarryError, match="there are 2 streams"):
                method(sample)


def test_the_graph_around_is_left_alone(graph):
    before = len(graph.get_operations())
    linear_flow(Linear())
    assert len(graph.get_operations()) == before
