"""Which engine runs a cell, and that the graph says so."""

import pytest
import tensorflow.compat.v1 as tf

import tgcarry as tgc
from tgcarry.engines import choose_engine, engine_notes
from tgcarry.errors import CarryError


def inputs(dtype=tf.float32, shape=(None, None, 3)):
    return tf.placeholder(dtype, shape)


def taken(cell, x=None, asked="auto", dtype=None):
    return choose_engine(asked, cell, inputs() if x is None else x, dtype)


@pytest.fixture
def on_linux(monkeypatch):
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: [])


def test_auto_takes_the_fastest_that_supports_the_cell(on_linux):
    assert taken(tgc.GRUCell(4)) == ("fused", "")
    assert taken(tgc.ResidualWrapper(tgc.GRUCell(3))) == ("fused", "")
    assert taken(tgc.DropoutWrapper(tgc.GRUCell(3))) == ("fused", "")
    stack = tgc.MultiRNNCell([tgc.GRUCell(4), tgc.LSTMCell(2, use_peepholes=True)])
    assert taken(stack) == (
        "fused",
        "except: LSTMCell with peepholes has no hand-written passes",
    )


@pytest.mark.parametrize("time_major", [False, True])
def test_auto_compiles_nothing_for_a_few_steps(time_major, on_linux):
    cell = tgc.GRUCell(4)
    for steps in (1, 4, 5, None):
        x = inputs(shape=(steps, 9, 3) if time_major else (9, steps, 3))
        for engine in ("auto", "fused"):
            with tf.variable_scope("rnn", reuse=tf.AUTO_REUSE):
                tgc.dynamic_rnn(
                    cell, x, dtype=tf.float32, time_major=time_major, engine=engine, scope="of"
                )
    notes = engine_notes(tf.get_default_graph())
    assert [note.split()[1] for note in notes] == ["stock", "fused"] * 2 + ["fused"] * 4
    assert notes[0].endswith("(too short to be worth compiling, L = 1)")


def test_auto_leaves_xla_alone_where_it_was_not_tried(monkeypatch, on_linux):
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: ["GPU:0"])
    assert taken(tgc.GRUCell(4)).name == "loop"
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: [])
    monkeypatch.setattr("platform.system", lambda: "Windows")
    assert taken(tgc.GRUCell(4)).name == "loop"


class Foreign:
    state_size = output_size = 3

    def __call__(self, inputs, state, scope=None):
        return state, state


@pytest.mark.parametrize(
    "cell, x, dtype, reason",
    [
        (lambda: tgc.DropoutWrapper(tgc.GRUCell(3), 0.5), inputs, None, "draws at every step"),
        (lambda: tgc.GRUCell(3, "softsign"), inputs, None, "GRUCell with softsign"),
        (lambda: tgc.LSTMCell(3, cell_clip=1.0), inputs, None, "LSTMCell with cell_clip"),
        (Foreign, inputs, None, "Foreign is not one of tgcarry's cells"),
        (lambda: tgc.GRUCell(3), lambda: (inputs(), inputs()), None, "a nest"),
        (lambda: tgc.GRUCell(3), lambda: inputs(shape=(None, 3)), None, "shape"),
        (lambda: tgc.GRUCell(3), lambda: inputs(tf.float16), None, "float16"),
        (lambda: tgc.GRUCell(3), inputs, tf.float64, "state's dtype is float64"),
    ],
    ids=["dropout", "activation", "clip", "foreign", "nest", "rank", "half", "dtype"],
)
def test_what_cannot_run_by_hand_runs_in_tensorflows_loop(cell, x, dtype, reason):
    cell, x = cell(), x()
    engine = taken(cell, x, dtype=dtype)
    assert engine.name == "stock" and reason in engine.why
    for asked in ("fused", "loop"):
        with pytest.raises(CarryError, match=f"engine='{asked}'.*engine='stock'") as refusal:
            taken(cell, x, asked, dtype)
        assert reason in str(refusal.value)


def test_the_graph_says_which_engine_runs_where(on_linux):
    x = inputs()
    tgc.dynamic_rnn(tgc.GRUCell(3), x, dtype=tf.float32)
    with tf.variable_scope("tower"):
        tgc.dynamic_rnn(
            tgc.DropoutWrapper(tgc.GRUCell(3), 0.5), x, dtype=tf.float32, scope="inner"
        )
    assert engine_notes(tf.get_default_graph()) == [
        "engine fused rnn",
        "engine stock tower/inner (DropoutWrapper draws at every step)",
    ]


def test_describe_says_it_too(on_linux):
    x = inputs()
    ports = tgc.carry_ports(cell := tgc.GRUCell(3))
    outputs, final = tgc.dynamic_rnn(cell, x, initial_state=ports.initial_state)
    chunk = tgc.build_chunk(tf.reduce_sum(outputs), ports, final, {"x": x})
    assert "engine fused rnn" in chunk.describe().splitlines()
