"""``pisada live`` and ``pisada live-replay``."""

from __future__ import annotations

from pathlib import Path

import click

from plugin_backend.errors import ProjectError
from plugin_backend.transfer.parameters import PARAMETERS, WIDTH
from studio.commands.options import Examples, bank_option, named_banks
from studio.commands.transfer_options import control_options, preset_options


@click.command("live", cls=Examples, example="pisada live --preset step-gravel --midi nano --record take-1")
@click.option("--preset", help="A preset of the bank, or a .preset.safetensors file.")
@preset_options
@click.option("--mode", type=click.Choice(["transfer", "hits"]), help="Move the sound, or play a take at each hit.")
@click.option("--rig", "rig_file", type=click.Path(path_type=Path), help="A set-up: a TOML file; flags win.")
@click.option("--in", "input_", metavar="DEV|FILE", help="Input: number, part of a name, or a recording.")
@click.option("--out", "output", metavar="DEV|FILE", help="Output: number, part of a name, or a new .wav file.")
@click.option("--channels", type=click.IntRange(1, 8), help="That are played, each by itself.  [default: 1]")
@click.option("--in-channels", metavar="N,N", help="The device's channels to take, from 1.  [default: the first]")
@click.option("--out-channels", metavar="N,N", help="The device's channels to play on.  [default: the first]")
@click.option("--block", "block_samples", type=click.IntRange(64, 2048), help="Samples of a block.  [default: 512]")
@click.option(
    "--ahead", "ahead_blocks", type=click.IntRange(1, 64), help="Blocks an answer has.  [default: 512 samples]"
)
@click.option("--record", type=click.Path(path_type=Path), help="Folder to keep what is played in.")
@click.option("--midi", metavar="PORT", help="MIDI input: its name or a part of it.")
@click.option("--osc", type=click.IntRange(1, 65535), metavar="PORT", help="Listen for OSC on this UDP port.")
@click.option(
    "--map", "map_file", type=click.Path(path_type=Path), help="Controllers' map.  [default: pisada-live.toml]"
)
@click.option("--learn", multiple=True, metavar="CONTROL", help="Bind the next controller moved; may repeat.")
@control_options
@click.option("--width", type=float, metavar="X", help=f"{WIDTH.doc}  [default: {WIDTH.default:g}]")
@click.option("--latent", "latents", multiple=True, help="3:bias=0.5,scale=2 or 4:off or 5:value=1; may repeat.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Takes and variations derive from it.")
@bank_option
@click.option("--model", help="A factory model's name or a .safetensors file.  [default: the preset's]")
@click.option("--list", "listed", is_flag=True, help="List sound devices and MIDI ports; play nothing.")
@click.option("--seconds", type=click.FloatRange(min=0.1), help="Stop after so long.  [default: at Ctrl-C]")
@click.option("--realtime", is_flag=True, help="Ask the system for real-time priority.")
@click.option("--no-meter", is_flag=True, help="Draw no meter.")
def live(
    rig_file, input_, output, in_channels, out_channels, record, midi, osc, map_file, learn, listed, seconds,
    realtime, no_meter, latents, sums, additions, banks, **chosen,
) -> None:  # fmt: skip
    """Play a preset live: the microphone through it to the output, under MIDI and OSC control.

    Ctrl-C ends it; what was recorded is whole then.
    """
    if listed:
        from studio.workflows.live_devices import print_devices

        print_devices()
        return
    from studio.workflows.live import play_live
    from studio.workflows.live_rig import rig_from
    from studio.workflows.live_setup import Controllers, Ends

    chosen["bank"] = named_banks(banks)
    controls = {name: value for name in PARAMETERS if (value := chosen.pop(name)) is not None}
    rig = rig_from(rig_file, controls, latents, chosen, sums, additions)
    ends = Ends(
        input_, output, _numbers("--in-channels", in_channels), _numbers("--out-channels", out_channels), realtime
    )
    play_live(rig, ends, record, Controllers(midi, osc, map_file, learn), seconds, not no_meter)


@click.command("live-replay", cls=Examples, example="pisada live-replay take-1 --out take-1.wav --undisturbed")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A float WAV file, new.")
@click.option("--undisturbed", is_flag=True, help="As if no block had been late.")
@click.option(
    "--bank", "banks", multiple=True, type=click.Path(path_type=Path),
    help="Folder of presets, or the word factory; may repeat.  [default: as it was]",
)  # fmt: skip
@click.option("--model", help="The model's name or file.  [default: as it was]")
def live_replay(folder, out, undisturbed, banks, model) -> None:
    """Render again, to the same samples, what `pisada live --record FOLDER` recorded."""
    from render.live.recording.replay import replay

    click.echo(replay(folder, out, not undisturbed, banks, model))


def _numbers(flag: str, text: str | None) -> tuple[int, ...]:
    """``1,2`` as ``(0, 1)``."""
    try:
        numbers = tuple(int(part) - 1 for part in text.split(",")) if text else ()
    except ValueError:
        numbers = (-1,)
    if len(numbers) > 8 or any(not 0 <= number < 256 for number in numbers):
        raise ProjectError(f"{flag} {text[:80]!r}: write up to 8 numbers from 1, as in 1,2")
    return numbers
