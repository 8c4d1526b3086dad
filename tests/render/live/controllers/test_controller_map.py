"""The map of controllers, and the router that follows it."""

import mido
import pytest

from plugin_backend.errors import OutputError, PresetError, ProjectError
from plugin_backend.parameters import Parameter, table
from render.live.controllers.controller_map import Binding, LiveMap, read_map, with_binding, write_map
from render.live.controllers.midi_learn import ControllerRouter

CONTROLS = table(
    Parameter("mix", 0, 1, 1, "", "Mix."),
    Parameter("gain_db", -60, 24, 0, "dB", "Gain."),
    Parameter("latent.3.bias", -8, 8, 0, "", "Bias."),
)


class Hands:
    """A router and all its actions."""

    def __init__(self, *bindings, pads=(), programs=("amb-rain", "step-gravel")):
        self.done = []
        self.router = ControllerRouter(
            self.act, CONTROLS, LiveMap(binding=list(bindings)), dict(pads), programs, "step-gravel"
        )

    def act(self, control, value, text):
        if text == "nowhere":
            raise PresetError("no preset 'nowhere'")
        if control in CONTROLS:
            CONTROLS[control].validate(value)
        self.done.append((control, round(value, 6), text))

    def cc(self, number, value, channel=0):
        self.router.midi(mido.Message("control_change", channel=channel, control=number, value=value))


def test_map_is_read_as_written(tmp_path):
    bindings = [
        Binding(source="cc.1.20", control="mix"),
        Binding(source="note.10.36", control="strike", text='a "quoted" name'),
        Binding(source="osc:/my/fader", control="gain_db", low=0.0, high=-24.0, curve=2.0),
        Binding(source="bend.16", control="latent.3.bias"),
        Binding(source="note.1.1", control="strike", text="Tür 🚪"),
    ]
    write_map(tmp_path / "map.toml", LiveMap(binding=bindings))
    assert read_map(tmp_path / "map.toml", CONTROLS) == LiveMap(binding=bindings)
    assert [path.name for path in tmp_path.iterdir()] == ["map.toml"]


@pytest.mark.parametrize(
    "text, expected_text",
    [
        ('source = "cc.17.1"\ncontrol = "mix"', r"source.*binding\[0\]|binding\[0\].*source"),
        ('source = "cc.1.1"\ncontrol = "mux"', r"binding\[0\] \(cc.1.1\): no control 'mux'; there are mix, gain_db, "),
        ('source = "cc.1.1"\ncontrol = "mix"\nhigh = 2', r"binding\[0\] \(cc.1.1\): mix 2: 0 to 1 can be used"),
        ('source = "cc.1.1"\ncontrol = "mix"\nlow = nan', r"mix nan: 0 to 1 can be used"),
        ('source = "cc.1.1"\ncontrol = "strike"', r"strike needs a name"),
        ('source = "cc.1.1"\ncontrol = "mix"\ncurve = 0', r"curve"),
        ('source = "cc.1.1"\ncontrol = "mix"\nhihg = 1', r"hihg"),
    ],
)
def test_error_in_map_names_file_and_field(tmp_path, text, expected_text):
    path = tmp_path / "map.toml"
    path.write_text(f"[[binding]]\n{text}\n")
    with pytest.raises(ProjectError, match=expected_text) as problem:
        read_map(path, CONTROLS)
    assert str(problem.value).startswith(str(path)) and "\n" not in str(problem.value)


def test_failed_write_leaves_old_map(tmp_path):
    with pytest.raises(OutputError, match="cannot write here"):
        write_map(tmp_path / "absent" / "map.toml", LiveMap())
    assert list(tmp_path.iterdir()) == []


def test_controller_uses_range_and_curve():
    performer = Hands(
        Binding(source="cc.1.20", control="gain_db"),
        Binding(source="cc.1.20", control="mix", low=1, high=0.5),
        Binding(source="cc.2.20", control="mix", curve=2),
        Binding(source="bend.1", control="latent.3.bias", low=-1, high=1),
    )
    performer.cc(20, 0)
    performer.cc(20, 127)
    performer.cc(20, 127, channel=1)
    performer.cc(20, 64, channel=1)
    performer.router.midi(mido.Message("pitchwheel", pitch=-8192))
    performer.router.midi(mido.Message("pitchwheel", pitch=8191))
    assert performer.done == [
        ("gain_db", -60, ""),
        ("mix", 1, ""),
        ("gain_db", 24, ""),
        ("mix", 0.5, ""),
        ("mix", 1, ""),
        ("mix", round((64 / 127) ** 2, 6), ""),
        ("latent.3.bias", -1, ""),
        ("latent.3.bias", 1, ""),
    ]


def test_notes_strike_pads_or_preset_and_programs_select():
    performer = Hands(pads={"36": "prop-metal"})
    for message in (
        mido.Message("note_on", note=36, velocity=127),
        mido.Message("note_on", note=36, velocity=0),
        mido.Message("note_on", note=37, velocity=127),
        mido.Message("program_change", program=1),
        mido.Message("program_change", program=99),
    ):
        performer.router.midi(message)
    assert performer.done == [("strike", 1, "36"), ("release", 0, "36"), ("preset", 0, "step-gravel")]
    assert performer.router.problems == ["program 99: the bank has no such preset"]
    bare = Hands()
    bare.router.midi(mido.Message("note_on", note=60, velocity=127))
    bare.router.midi(mido.Message("note_off", note=60))
    assert bare.done == [("strike", 1, "step-gravel"), ("release", 0, "step-gravel")]


def test_next_moved_controller_is_learned_once():
    performer = Hands(Binding(source="cc.1.1", control="gain_db"))
    performer.router.learn("mix")
    performer.router.learn("strike:step-gravel")
    performer.cc(1, 127)
    performer.cc(1, 0)  # still the same fader, not the next controller
    assert performer.done == [("mix", 1, ""), ("mix", 0, "")]
    performer.router.midi(mido.Message("note_on", channel=9, note=40, velocity=127))
    performer.router.midi(mido.Message("note_off", channel=9, note=40))
    assert performer.done[2:] == [("strike", 1, "step-gravel"), ("release", 0, "step-gravel")]
    learned = [(binding.source, binding.control, binding.text) for binding in performer.router.live_map.binding]
    assert learned == [("cc.1.1", "mix", ""), ("note.10.40", "strike", "step-gravel")]
    assert (performer.router.learned, performer.router.learning) == (2, [])
    with pytest.raises(ProjectError, match="no control 'loudness'"):
        performer.router.learn("loudness")


def test_new_binding_replaces_old_ones_of_source():
    live_map = with_binding(
        LiveMap(binding=[Binding(source="cc.1.1", control="mix")]), Binding(source="cc.1.1", control="x")
    )
    assert [binding.control for binding in live_map.binding] == ["x"]


def test_osc_addresses_set_controls_or_move_faders():
    performer = Hands(Binding(source="osc:/my/fader", control="gain_db", low=-10, high=0))
    for address, arguments in (
        ("/pisada/mix", [0.25]),
        ("/pisada/mix", [True]),
        ("/pisada/latent/3/bias", [-2]),
        ("/pisada/preset", ["amb-rain"]),
        ("/pisada/strike", ["36", 0.5]),
        ("/pisada/strike", [0.5, "36"]),
        ("/pisada/release", []),
        ("/my/fader", [0.5]),
    ):
        assert performer.router.osc(address, arguments)
    assert performer.done == [
        ("mix", 0.25, ""),
        ("mix", 1, ""),
        ("latent.3.bias", -2, ""),
        ("preset", 1, "amb-rain"),
        ("strike", 0.5, "36"),
        ("strike", 0.5, "36"),
        ("release", 1, ""),
        ("gain_db", -5, ""),
    ]
    assert performer.router.preset == "amb-rain"
    assert performer.router.osc("/pisada/learn", ["latent/3/bias"]) and performer.router.learning == ["latent.3.bias"]


def test_refused_messages_are_counted_and_reported_once():
    performer = Hands()
    for _ in range(3):
        assert not performer.router.osc("/pisada/mix", [7.0])
        assert not performer.router.osc("/pisada/mix", ["loud"])
        assert not performer.router.osc("/pisada/mix", [[1]])
        assert not performer.router.osc("/pisada/preset", ["nowhere"])
        assert not performer.router.osc("/pisada/learn", ["nothing"])
        assert not performer.router.osc("/other", ["text"])
    assert (performer.done, performer.router.refused, len(performer.router.problems)) == ([], 18, 6)
    assert "mix 7: 0 to 1 can be used" in performer.router.problems


@pytest.mark.parametrize("address", ["/", "/fäder", "/two words", "/" + "x" * 121])
def test_address_that_no_map_can_hold_is_not_learned(tmp_path, address):
    performer = Hands()
    performer.router.learn("mix")
    performer.router.osc(address, [0.5])
    assert (performer.router.learned, performer.router.learning, len(performer.router.problems)) == (0, ["mix"], 1)
    performer.router.osc("/fader", [0.5])
    write_map(tmp_path / "map.toml", performer.router.live_map)
    assert [one.source for one in read_map(tmp_path / "map.toml", CONTROLS).binding] == ["osc:/fader"]


@pytest.mark.parametrize("name", ["x" * 201, "a\x7fb", "a\nb"])
def test_name_that_no_map_can_hold_is_not_learned(name):
    performer = Hands()
    assert not performer.router.osc("/pisada/learn", [f"strike:{name}"])
    assert performer.router.learning == [] and "a map cannot hold" in performer.router.problems[0]


def test_map_and_learning_queue_are_bounded():
    performer = Hands()
    for number in range(600):
        performer.router.osc("/pisada/learn", ["mix"])
        performer.router.osc(f"/fader/{number}", [0.5])
    assert len(performer.router.live_map.binding) == 512
    assert len(performer.router.learning) == 64
    assert any("512 bindings" in expected_text for expected_text in performer.router.problems)
