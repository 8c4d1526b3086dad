"""The model card's words, around the numbers of one evaluation."""

from __future__ import annotations

from plugin_backend.evaluation.dense_clips import CLIP_S
from plugin_backend.evaluation.measure import CODEC

COLUMNS = {
    "log_mel_error_db": ("log-mel error, dB ↓", "{:.2f}"),
    "visqol": ("ViSQOL ↑", "{:.2f}"),
    "envelope_correlation": ("2 ms envelope ↑", "{:.3f}"),
    "onset_error_ms": ("onset error, ms ↓", "{:.2f}"),
}

TEXT = """# Model card: {name}

{name} is a variational autoencoder for Foley: it turns mono sound into {latent_dim} smooth numbers
{frame_hz:.2f} times a second, and those back into sound, piece by piece, for instruments that store,
blend and vary recordings as latents. It is not a generator of new sounds from text or video.
Fingerprint `{fingerprint}`, family `{family}`.

## Architecture

{architecture}

Latency {latency_samples} samples ({latency_ms:.1f} ms at {sample_rate} Hz) beyond the {hop}-sample frame.
{total_m:.2f} M parameters (encoder {encoder_m:.2f} M, decoder {decoder_m:.2f} M); file {file_mb:.1f} MB.

## Data

{training_minutes:.1f} minutes in {training_files} files of game Foley from Debian packages.
Minutes per class: {classes}.

Held out, by whole packages ({packages}): {held_minutes:.1f} minutes in {held_files} files.

Training files per licence: {licences}.

## Training

{training}

## Scores on held-out sounds

{clips} clips of {clip_s:.0f} s, each of sounds of one package joined without long silences (sparse clips
flatter every codec under ViSQOL). Encoded and decoded whole, aligned to the sample. The anchors are
known damage to read the codec's row beside; read all columns together.

{scores}

Log-mel error: 80 bands from 40 Hz, floor 60 dB below the clip's loudest band. ViSQOL: audio mode,
4.73 is identical. Onset error: the mean size of the lag between the clips' envelopes.

### Recognisability

Of {sounds} single held-out sounds, the share that, decoded, are nearest to their own original among all
{sounds} originals (chance {chance:.3f}), and the share nearest to an original of their own label. Nearest by
average spectrum and envelope alone; many originals are takes of one step or blow, hard to tell apart.

{retrieval}

## Cost

CPU time as a share of the sound's length, and how many times faster than real time that is, on
{machine}: {costs}.
The stream decodes one frame of {hop} samples at a time.

## Limits

- Trained for {minutes} minutes on {training_minutes:.1f} minutes of sound, with spectral losses only: phase and fine
  structure are approximate. The scores above say how far.
- Footsteps are {footstep_minutes:.1f} of the training minutes, spread over many materials; labels come from
  file names, not from listening. Some recordings are 22.05 kHz originals without treble, and the
  held-out sounds contain some of these too, so scores say less about the top octave.
- Mono, {sample_rate} Hz. Speech and music were not a goal and are not measured here.
- Held-out clips are few ({clips}), from {package_count} packages, and repeat short sounds to fill {clip_s:.0f} s: read
  small differences with care. No listening test was made; every score is a computed one.

## Licence

GPL-3.0-or-later. The recordings' authors and licences are listed in [ATTRIBUTION.md](ATTRIBUTION.md).
"""

ARCHITECTURE = """\
- Encoder: causal log-STFT of {encoder_window} samples every {encoder_hop} → {encoder_blocks} ConvNeXt blocks × \
{encoder_width} channels → {latent_dim} means and deviations per {hop} samples.
- Latents: {latent_dim} dimensions, rotated by PCA so that dimension 0 varies most over the training sounds.
- Decoder: {decoder_blocks} causal ConvNeXt blocks × {decoder_width} channels → complex inverse STFT, windows of \
{decoder_window} samples every {decoder_hop}."""


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; its first two columns are text, the others numbers."""
    marks = ["---"] * 2 + ["---:"] * (len(head) - 2)
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, marks, *rows])


def counted(numbers: dict) -> str:
    """``{"wood": 3}`` → ``wood 3``, largest first."""
    largest_first = sorted(numbers.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {value:g}" for name, value in largest_first)


def score_table(groups: list[dict]) -> str:
    """One line per group and system, the codec's in bold."""
    present = {name: column for name, column in COLUMNS.items() if name in groups[0]}
    head = ["group", "what", "clips", *(title for title, _ in present.values())]
    rows = [
        [row["group"], bold(row["system"]), str(row["clips"])]
        + [form.format(row[name]) for name, (_, form) in present.items()]
        for row in groups
    ]
    return table(head, rows)


def retrieval_table(retrieval: list[dict]) -> str:
    """One line per group and system: how many sounds found their own original, or label, first."""
    rows = sorted(retrieval, key=lambda row: row["group"])
    cells = [
        [row["group"], bold(row["system"]), str(row["sounds"]), f"{row['own_first']:.2f}", f"{row['label_first']:.2f}"]
        for row in rows
    ]
    return table(["group", "what", "sounds", "own original ↑", "own label ↑"], cells)


def bold(system: str) -> str:
    """The codec's name stands out among the anchors."""
    return f"**{system}**" if system == CODEC else system


def card(result: dict) -> str:
    """The card of an evaluation, as ``metrics.json`` holds it."""
    config, training, data = result["config"], result["training"], result["corpus"]
    parameters, costs = result["parameters"], result["cpu_time_per_sound_time"]
    sounds = data["held_out"]["files"]
    scalars = {name: value for name, value in training.items() if not isinstance(value, list | dict)}
    return TEXT.format_map(
        config
        | result
        | {
            "architecture": ARCHITECTURE.format_map(config),
            "frame_hz": config["sample_rate"] / config["hop"],
            "latency_ms": 1000 * result["latency_samples"] / config["sample_rate"],
            "encoder_m": parameters["encoder"] / 1e6,
            "decoder_m": parameters["decoder"] / 1e6,
            "total_m": sum(parameters.values()) / 1e6,
            "file_mb": result["file_bytes"] / 1e6,
            "training_minutes": data["training"]["minutes"],
            "training_files": data["training"]["files"],
            "classes": counted(data["training"]["minutes_per_class"]),
            "footstep_minutes": data["training"]["minutes_per_class"].get("footsteps", 0.0),
            "packages": ", ".join(training["held_out_packages"]),
            "package_count": len(training["held_out_packages"]),
            "held_minutes": data["held_out"]["minutes"],
            "held_files": sounds,
            "licences": counted(data["training"]["files_per_licence"]),
            "training": "From the checkpoint's record: " + ", ".join(f"{k} {v}" for k, v in scalars.items()) + ".",
            "minutes": training.get("minutes", "an unrecorded number of"),
            "clips": len({row["clip"] for row in result["clips"]}),
            "clip_s": CLIP_S,
            "scores": score_table(result["groups"]),
            "sounds": sounds,
            "chance": 1 / sounds,
            "retrieval": retrieval_table(result["retrieval"]),
            "costs": ", ".join(f"{k.replace('_', ' ')} {v:.4f} ({1 / max(v, 1e-9):.0f}×)" for k, v in costs.items()),
        }
    )
