"""OSC over real UDP, and MIDI through a real port of a JACK server."""

import random
import socket
import time

import mido
import pytest
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.udp_client import SimpleUDPClient

from plugin_backend.errors import DeviceError
from render.live.controllers.midi_input import MidiInput, choose_port, list_ports, source_of
from render.live.controllers.osc_input import LONGEST_BYTES, MOST_MESSAGES, OscInput, read


def until(there, seconds=10.0):
    """Wait until a condition is true."""
    end = time.monotonic() + seconds
    while not there() and time.monotonic() < end:
        time.sleep(0.01)
    assert there()


@pytest.fixture
def osc():
    output = []
    listening = OscInput(0)
    listening.listen(lambda address, arguments: output.append((address, arguments)) or address != "/refused")
    yield listening, output
    listening.close()


def message(address, *arguments):
    builder = OscMessageBuilder(address)
    for argument in arguments:
        builder.add_arg(argument)
    return builder.build()


def test_messages_and_bundles_come_over_udp(osc):
    listening, output = osc
    client = SimpleUDPClient("127.0.0.1", listening.port)
    client.send_message("/pisada/mix", 0.5)
    client.send_message("/pisada/strike", ["step-gravel", 0.75])
    bundle = OscBundleBuilder(IMMEDIATELY)
    for value in (1, 2):
        bundle.add_content(message("/pisada/latent/3/bias", value))
    client.send(bundle.build())
    client.send_message("/refused", 1)
    until(lambda: len(output) == 5)
    assert output[:4] == [
        ("/pisada/mix", [0.5]),
        ("/pisada/strike", ["step-gravel", 0.75]),
        ("/pisada/latent/3/bias", [1]),
        ("/pisada/latent/3/bias", [2]),
    ]
    until(lambda: listening.malformed == 1)


def test_osc_listens_to_this_machine_only(osc):
    listening, _ = osc
    assert listening._socket.getsockname()[0] == "127.0.0.1"
    with pytest.raises(DeviceError, match=f"OSC port {listening.port}: "):
        OscInput(listening.port)


def test_malformed_datagrams_are_counted_and_listening_goes_on(osc):
    listening, output = osc
    rng, sender = random.Random(0), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    whole = message("/pisada/strike", "step-gravel", 0.5).dgram
    for size in range(200):
        sender.sendto(bytes([0xFF]) + rng.randbytes(size), ("127.0.0.1", listening.port))
        until(lambda sent=size + 1: listening.malformed == sent)
    sender.sendto(whole, ("127.0.0.1", listening.port))
    until(lambda: output == [("/pisada/strike", ["step-gravel", 0.5])])
    sender.close()


def test_damaged_datagrams_never_break_reader():
    rng, whole = random.Random(1), message("/pisada/strike", "step-gravel", 0.5, True).dgram
    for _ in range(2_000):
        bent = bytearray(whole[: rng.randint(0, len(whole))])
        for _ in range(rng.randint(0, 4)):
            if bent:
                bent[rng.randrange(len(bent))] = rng.randrange(256)
        for address, arguments in read(bytes(bent)):
            assert isinstance(address, str) and isinstance(arguments, list)


def test_too_long_datagrams_and_bundles_are_ignored():
    assert read(message("/pisada/mix", "x" * LONGEST_BYTES).dgram) == []
    assert read(message("/" + "x" * 200, 1.0).dgram) == []
    bundle = OscBundleBuilder(IMMEDIATELY)
    for _ in range(MOST_MESSAGES + 1):
        bundle.add_content(message("/a", 1))
    assert read(bundle.build().dgram) == []


@pytest.mark.parametrize(
    "data, expected",
    [
        ([0xB0, 20, 127], ("cc.1.20", 1.0)),
        ([0x99, 36, 127], ("note.10.36", 1.0)),
        ([0x89, 36, 64], ("note.10.36", 0.0)),
        ([0xE0, 0x7F, 0x7F], ("bend.1", 1.0)),
        ([0xE0, 0, 0], ("bend.1", 0.0)),
        ([0xDF, 127], ("pressure.16", 1.0)),
        ([0xC0, 5], None),
        ([0xFE], None),
    ],
)
def test_midi_bytes_are_named_controllers(data, expected):
    assert source_of(mido.Message.from_bytes(data)) == expected


def test_midi_port_is_chosen_by_part_of_name():
    names = ["nanoKONTROL2 0", "Launchpad 0", "Launchpad 1"]
    assert choose_port(names, "nano") == "nanoKONTROL2 0"
    with pytest.raises(DeviceError, match="more than one fits; there are: Launchpad 0, Launchpad 1"):
        choose_port(names, "launchpad")
    with pytest.raises(DeviceError, match="MIDI port 'x': not there; there are: none"):
        choose_port([], "x")


@pytest.mark.alone("a sound server plays by the clock")
def test_midi_through_jack_and_loss_of_port(jack_server):
    jack = pytest.importorskip("jack")
    keyboard = jack.Client("keyboard", servername=jack_server.name)
    port, waiting = keyboard.midi_outports.register("keys"), []

    @keyboard.set_process_callback
    def process(_):
        port.clear_buffer()
        while waiting:
            port.write_midi_event(0, waiting.pop(0))

    output = []
    with keyboard:
        assert [name for name in list_ports() if "keyboard" in name] == ["keyboard:keys"]
        midi = MidiInput("keyb")
        midi.listen(lambda message: output.append(source_of(message)))
        waiting += [(0x99, 36, 127), (0xB0, 20, 0), (0xC0, 5)]
        until(lambda: len(output) == 3)
        assert output == [("note.10.36", 1.0), ("cc.1.20", 0.0), None]
        keyboard.deactivate()
    until(lambda: midi.problem == f"MIDI port {midi.name}: it is gone")
    assert midi.recovery_message == f"MIDI: {midi.name}: it is back"
    midi.close()
