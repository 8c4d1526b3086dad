"""``pisada live`` and ``pisada live-replay``: play live, and render a recording again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from plugin_backend.effects.parameters import LIMITER
from plugin_backend.errors import ProjectError
from plugin_backend.transfer.parameters import PARAMETERS, WIDTH
from studio.commands.options import Examples, bank_option, named_banks
from studio.commands.transfer_options import LATENT_HELP, axis_option, control_options, preset_options


@click.command("live", cls=Examples, example="pisada live --preset step-gravel --midi nano --record take-1")
@click.option("--preset", help="A preset of the bank, or a .preset.safetensors file.")
@preset_options
@click.option(
    "--mode",
    type=click.Choice(["transfer", "hits"]),
    help="transfer moves the sound towards the preset; hits plays a take at each hit.",
)
@click.option(
    "--rig",
    "rig_file",
    type=click.Path(path_type=Path),
    help="Rig file (TOML) with the whole set-up. Options on the command line override it.",
)
@click.option(
    "--in", "input_", metavar="DEV|FILE", help="Input: a device's number or part of its name, or a recording."
)
@click.option(
    "--out", "output", metavar="DEV|FILE", help="Output: a device's number or part of its name, or a new .wav file."
)
@click.option(
    "--channels", type=click.IntRange(1, 8), help="Number of channels; each is played by itself.  [default: 1]"
)
@click.option("--in-channels", metavar="N,N", help="Channels of the input device, from 1.  [default: the first ones]")
@click.option("--out-channels", metavar="N,N", help="Channels of the output device, from 1.  [default: the first ones]")
@click.option("--block", "block_samples", type=click.IntRange(64, 2048), help="Samples per block.  [default: 512]")
@click.option(
    "--ahead",
    "ahead_blocks",
    type=click.IntRange(1, 64),
    help="Blocks of time to compute each block: more is safer, and later.  [default: as many as hold 512 samples]",
)
@click.option("--record", type=click.Path(path_type=Path), help="Folder to record input, output and controls in.")
@click.option("--midi", metavar="PORT", help="MIDI input port: its name or a part of it.")
@click.option("--osc", type=click.IntRange(1, 65535), metavar="PORT", help="UDP port to listen for OSC on.")
@click.option(
    "--map",
    "map_file",
    type=click.Path(path_type=Path),
    help="Map file of the controllers (TOML).  [default: pisada-live.toml]",
)
@click.option(
    "--learn", multiple=True, metavar="CONTROL", help="Bind the next moved controller to CONTROL. Repeat for more."
)
@control_options
@click.option("--width", type=float, metavar="X", help=f"{WIDTH.doc}  [default: {WIDTH.default:g}]")
@click.option("--ceiling-dbtp", type=float, metavar="X", help=f"{LIMITER['ceiling_dbtp'].doc}  [default: -1]")
@click.option("--no-ceiling", "ceiling_on", flag_value=False, default=None, help="Let every peak through.")
@click.option("--latent", "latents", multiple=True, help=LATENT_HELP)
@axis_option
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Takes and variations are derived from it.")
@bank_option
@click.option("--model", help="The name of a factory model, or a .safetensors file.  [default: the preset's]")
@click.option("--list", "listed", is_flag=True, help="List sound devices and MIDI ports; play nothing.")
@click.option(
    "--seconds", type=click.FloatRange(min=0.1), help="Stop after this many seconds.  [default: stop at Ctrl-C]"
)
@click.option("--realtime", is_flag=True, help="Request real-time priority from the system.")
@click.option("--no-meter", is_flag=True, help="Show no meter.")
def live(
    rig_file: Path | None,
    input_: str | None,
    output: str | None,
    in_channels: str | None,
    out_channels: str | None,
    record: Path | None,
    midi: str | None,
    osc: int | None,
    map_file: Path | None,
    learn: tuple[str, ...],
    listed: bool,
    seconds: float | None,
    realtime: bool,
    no_meter: bool,
    latents: tuple[str, ...],
    axes: tuple[str, ...],
    sums: tuple[str, ...],
    additions: tuple[str, ...],
    banks: tuple[Path, ...],
    **options: Any,
) -> None:
    """Play a preset live: from the microphone through the preset to the output, controlled by MIDI and OSC.

    Ctrl-C ends it; a recording is complete then.
    """
    if listed:
        from studio.workflows.live_devices import print_devices

        print_devices()
        return
    from plugin_backend.transfer.settings import parse_axes
    from studio.workflows.live import play_live
    from studio.workflows.live_rig import rig_from
    from studio.workflows.live_setup import Controllers, Ends

    options["bank"], options["axes"] = named_banks(banks), parse_axes(axes) or None
    controls = {name: value for name in PARAMETERS if (value := options.pop(name)) is not None}
    rig = rig_from(rig_file, controls, latents, options, sums, additions)
    inputs, outputs = _channels("--in-channels", in_channels), _channels("--out-channels", out_channels)
    ends = Ends(input_, output, inputs, outputs, realtime)
    play_live(rig, ends, record, Controllers(midi, osc, map_file, learn), seconds, not no_meter)


@click.command("live-replay", cls=Examples, example="pisada live-replay take-1 --out take-1.wav --undisturbed")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The new float WAV file.")
@click.option("--undisturbed", is_flag=True, help="Render as if no block had been late.")
@click.option(
    "--bank",
    "banks",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder of presets, or the word factory. Repeat for more.  [default: as it was recorded]",
)
@click.option("--model", help="The model's name or file.  [default: as it was recorded]")
def live_replay(folder: Path, out: Path, undisturbed: bool, banks: tuple[Path, ...], model: str | None) -> None:
    """Render a recording of `pisada live --record FOLDER` again, to the same samples."""
    from render.live.recording.replay import replay

    click.echo(replay(folder, out, not undisturbed, banks, model))


def _channels(flag: str, text: str | None) -> tuple[int, ...]:
    """Read channel numbers: ``1,2`` gives ``(0, 1)``."""
    if not text:
        return ()
    try:
        numbers = tuple(int(part) - 1 for part in text.split(","))
    except ValueError:
        numbers = (-1,)
    if len(numbers) > 8 or any(not 0 <= number < 256 for number in numbers):
        raise ProjectError(f"{flag} {text[:80]!r}: write up to 8 numbers from 1, as in 1,2")
    return numbers
