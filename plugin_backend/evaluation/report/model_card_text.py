"""The text of the model card, around the numbers of one evaluation."""

from __future__ import annotations

from plugin_backend.evaluation.metrics.score_clips import CODEC
from plugin_backend.evaluation.report.html import number
from plugin_backend.evaluation.report.report import COLUMNS, score_cells
from plugin_backend.evaluation.report.sound_table import lines, numbers_of
from plugin_backend.training.config import STORED_NAMES

TEXT = """# Model card: {name}

{name} is a variational autoencoder for Foley: it turns mono sound into {latent_dim} smooth numbers
{frame_hz:.2f} times a second, and those back into sound, block by block, for instruments that store,
mix and vary recordings as latents. It is not a generator of new sounds from text or video.
Fingerprint `{fingerprint}`, family `{family}`.

## Architecture

{architecture}

Latency {latency_samples} samples ({latency_ms:.1f} ms at {sample_rate} Hz) beyond the {hop}-sample frame.
{total_m:.2f} M parameters (encoder {encoder_m:.2f} M, decoder {decoder_m:.2f} M); file {file_mb:.1f} MB.
Played with weights rounded to half precision.

## Data

{training_minutes:.1f} minutes in {training_files} files of game Foley from Debian packages.
Minutes per class: {classes}.

Held out, by whole packages ({packages}): {held_minutes:.1f} minutes in {held_files} files.

Training files per licence: {licences}.

## Training

{training}

## Scores on held-out sounds

{clips} clips of {clip_s:.0f} s, each of sounds of one package and label, trimmed and joined {gap_ms:.0f} ms apart
(ViSQOL is too kind to clips with long silence), at most {clips_per_label} a label. Encoded and decoded whole, aligned
to the sample. The anchors are known kinds of damage: compare the codec's row with theirs, in all columns.

{scores}

The codec by label:

{labels}

Log-mel error: 80 bands from 40 Hz, floor 60 dB below the clip's loudest band. ViSQOL: audio mode,
4.73 is identical. Onset and hit peak errors: medians over {hits} hits; a hit's onset is where its level
rises most within ±10 ms, its peak the loudest 2 ms. Fréchet distances: between Gaussians fitted to all windows
of originals and of decoded clips; a label's few windows give larger ones.

### What is added, smeared and lost

Noise anchors are white noise with the recording's own envelopes: the best that noise alone can do. *Comb*: steady
tones at multiples of the frame rate, relative to what lies between them, minus the same of the originals. *AUC*: the
probability that a classifier, trained on other packages, ranks a decoded window above an original one; *null* is the
same test between two halves of the originals. *Texture statistics*: McDermott & Simoncelli's, relative to two takes of
one texture. *Single sounds* are each measured alone. *Partials* lie 15 dB above the floor in the original.

{sound}

### What a classifier recognises

A small classifier was trained on footstep materials and cloth, and another on all classes, with recordings of the
training packages. Both were tested with held-out ones. *Other takes*: trained on four fifths of the held-out originals
and tested with the rest, original and decoded, each fifth in turn; so materials from elsewhere are not needed.
Most frequent: the score of always choosing the most frequent label.

{probe}

### Mixtures, paths and random sounds

Two materials mixed by their latents' mean, by their sum above silence, or by the dominance-aware weighting. Lost: by
how many dB the mixture differs from a material where that is prominent: the mean, and the worse of each pair. The
weighting is made to even out just this, so the other columns are the independent ones. Recognised: the classifier's
probability of the less probable material, as a share of both (½ is balance). Fréchet: YAMNet, the worse material.

{mixtures}

On a path between two materials, the Fréchet distance to both ends' originals, divided by that of the worse end, is
{paths}.
Random latents, Fréchet distance (YAMNet) to the clips: {prior} (decoded clips: {own:.1f}).

### Recognisability

Of {sounds} single held-out sounds, the share that, decoded, are nearest to their own original among all
{sounds} originals (chance {chance:.3f}), and the share nearest to an original of their own label. Nearest by
average spectrum and envelope alone; many originals are takes of one step or blow, which are hard to distinguish.

{retrieval}

## Cost

CPU time as a share of the sound's length, and how many times faster than real time that is, on
{machine}: {costs}.
The stream decodes one frame of {hop} samples at a time.

## Limits

- Trained for {minutes:g} minutes in all on {training_minutes:.1f} minutes of sound: phase and fine structure are
  approximate. The scores above show how much.
- Footsteps are {footstep_minutes:.1f} of the training minutes, spread over many materials; labels come from
  file names, not from listening. Some recordings are 22.05 kHz originals without treble, and the
  held-out sounds contain some of these too, so scores say less about the top octave.
- Mono, {sample_rate} Hz. Speech and music were not a goal and are not measured here.
- Held-out clips are few ({clips}), from {package_count} packages, and repeat short sounds to fill {clip_s:.0f} s: read
  small differences with care. No listening test was made; every score is a computed one.
- Materials are hard to recognise in these recordings: see the classifier's accuracy on originals above.

## Licence

GPL-3.0-or-later. The recordings' authors and licences are listed in [ATTRIBUTION.md](ATTRIBUTION.md).
"""

ARCHITECTURE = """\
- Encoder: causal log-STFT of {encoder_window} samples every {encoder_hop} → {encoder_blocks} ConvNeXt blocks × \
{encoder_width} channels → {latent_dim} means and deviations per {hop} samples.
- Latents: {latent_dim} dimensions, principal axes of the training sounds, the most audible first.
- Decoder: {decoder_blocks} causal ConvNeXt blocks × {decoder_width} channels → {sound}."""

SOUND = {
    "spectra": "complex inverse STFT, windows of {decoder_window} samples every {decoder_hop}",
    "noise": "white noise in {long_bands} bands, windows of {decoder_window} samples every {decoder_hop}, and in "
    "{short_bands} bands, windows of {short_window}",
}
"""How the decoder makes sound, by its ``head``."""

LEVELS = ", whose levels in three bands the decoder states and holds"


def architecture(config: dict) -> str:
    """Return three lines about a model's parts, from its configuration."""
    sound = SOUND[config["head"]].format_map(config) + (LEVELS if config["band_levels"] else "")
    return ARCHITECTURE.format_map(config | {"sound": sound})


def table(head: list[str], rows: list[list[str]], texts: int = 2) -> str:
    """Return a Markdown table; its first columns (``texts``) are text, the others numbers.

    Args:
        head: the headings.
        rows: the cells.
        texts: number of text columns.
    """
    marks = ["---"] * texts + ["---:"] * (len(head) - texts)
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, marks, *rows])


def counted(numbers: dict) -> str:
    """Return ``wood 3`` for ``{"wood": 3}``, the largest first."""
    largest_first = sorted(numbers.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {value:g}" for name, value in largest_first)


def score_table(scores: dict[str, dict], label: str | None, first: str) -> str:
    """Return one line per name of ``scores`` (name → metric → numbers), for one label or for all clips.

    Args:
        scores: the scores.
        label: or ``None`` for all clips.
        first: heading of the first column.
    """
    some = next(iter(scores.values()))
    present = {name: column for name, column in COLUMNS.items() if name in some}
    head = [first, "clips", *(title for title, *_ in present.values())]
    rows = []
    for name, metrics in scores.items():
        numbers = {metric: of if label is None else of["by_label"][label] for metric, of in metrics.items()}
        rows.append([bold(name), str(numbers["log_mel_error_db"]["n"]), *score_cells(numbers)])
    return table(head, rows)


def sound_part(result: dict) -> str:
    """Return what is added, smeared and lost: one line per measure, a column per system."""
    columns = numbers_of(result)
    return table(["", *map(bold, columns)], lines(columns), texts=1)


def label_table(metrics: dict[str, dict]) -> str:
    """Return the codec's scores, one line per label."""
    labels = metrics["log_mel_error_db"]["by_label"]
    return score_table(
        {label: {name: of["by_label"][label] for name, of in metrics.items()} for label in labels}, None, "label"
    )


def probe_table(probe: dict) -> str:
    """Return one line per task and system; a task that was left out has a remark."""
    rows, left_out = [], ""
    for task, found in probe.items():
        if not found.get("systems"):
            reason = found.get("left_out", "no held-out sound has a label that it was trained on")
            left_out += f"\n{task}: left out; {reason}.\n"
            continue
        for name, of in found["systems"].items():
            shares = (of["accuracy"], of["balanced_accuracy"], found["chance"], found["majority"], of["agreement"])
            rows.append([task, bold(name), str(found["n"]), *(f"{share:.2f}" for share in shares)])
    names = [
        "task",
        "what",
        "sounds",
        "accuracy ↑",
        "mean over labels ↑",
        "chance",
        "most frequent",
        "as the original ↑",
    ]
    return (table(names, rows) if rows else "") + left_out


def retrieval_table(retrieval: list[dict]) -> str:
    """Return one line per class and system: how many sounds are nearest to their own original, or label."""
    rows = sorted(retrieval, key=lambda row: row["class"])
    cells = [
        [row["class"], bold(row["system"]), str(row["sounds"]), f"{row['own_first']:.2f}", f"{row['label_first']:.2f}"]
        for row in rows
    ]
    return table(["class", "what", "sounds", "own original ↑", "own label ↑"], cells)


def bold(system: str) -> str:
    """Return the name, in bold for the codec."""
    return f"**{system}**" if system == CODEC else system


def runs_of(training: dict) -> list[dict]:
    """Return the records of all runs that made the model, oldest first."""
    return [*training.get("history", []), training]


NAMES = {stored: name for name, stored in STORED_NAMES.items()}
"""Names of settings by their names in records."""


def run_lines(training: dict) -> str:
    """Return one line per run: its plain numbers, then its settings."""
    lines = []
    for run in runs_of(training):
        plain = run.get("settings", {}) | run
        plain = {NAMES.get(key, key): value for key, value in plain.items()}
        text = ", ".join(f"{key} {value}" for key, value in plain.items() if isinstance(value, str | int | float))
        lines.append(f"- {text}")
    return "From the checkpoint's record, one line a run:\n\n" + "\n".join(lines)


def study_numbers(result: dict) -> dict[str, float | str]:
    """Return the numbers of the card's paragraph on paths and random sounds."""
    paths = [
        f"at worst {to['ends']['worst_ratio']:.2f} and on average {to['ends']['mean_ratio']:.2f} ({path}, by {name})"
        for path, by in result["interpolation"]["ways"].items()
        for name, to in by.items()
    ]
    return {
        "paths": ", ".join(paths) or "not measured: there are fewer than two materials",
        "own": result["frechet_yamnet"]["mean"],
        "prior": ", ".join(f"{kind} {of['yamnet']:.1f}" for kind, of in result["prior"].items()),
    }


def mixture_table(methods: dict[str, dict]) -> str:
    """Return one line per method of mixing."""
    rows = []
    for name, of in methods.items():
        even = of["evenness"]
        sides = (("lost_db", "mean"), ("lost_db", "greater"), ("heard_as", "lesser"), ("frechet_yamnet", "greater"))
        rows.append([name, "all pairs", *(number(even[metric][side]) for metric, side in sides)])
    return table(["mixture", "of", "lost, dB ↓", "lost, worse ↓", "recognised, smaller ↑", "Fréchet, worse ↓"], rows)


def card(result: dict) -> str:
    """The card of an evaluation, as ``metrics.json`` holds it with ``facts`` and ``corpus`` added."""
    facts, data, protocol = result["facts"], result["corpus"], result["protocol"]
    config, training, parameters = facts["config"], facts["training"], facts["parameters"]
    costs = result["cost"]["cpu_time_per_sound_time"]
    sounds = result["data"]["files"]
    return TEXT.format_map(
        config
        | facts
        | protocol
        | study_numbers(result)
        | {
            "name": result["model"]["name"],
            "fingerprint": result["model"]["fingerprint"],
            "architecture": architecture(config),
            "frame_hz": config["sample_rate"] / config["hop"],
            "latency_ms": 1000 * facts["latency_samples"] / config["sample_rate"],
            "encoder_m": parameters["encoder"] / 1e6,
            "decoder_m": parameters["decoder"] / 1e6,
            "total_m": sum(parameters.values()) / 1e6,
            "file_mb": facts["file_bytes"] / 1e6,
            "training_minutes": data["training"]["minutes"],
            "training_files": data["training"]["files"],
            "classes": counted(data["training"]["minutes_per_class"]),
            "footstep_minutes": data["training"]["minutes_per_class"].get("footsteps", 0.0),
            "packages": ", ".join(result["model"]["held_out"]),
            "package_count": len(result["model"]["held_out"]),
            "held_minutes": data["held_out"]["minutes"],
            "held_files": data["held_out"]["files"],
            "licences": counted(data["training"]["files_per_licence"]),
            "training": run_lines(training),
            "minutes": round(sum(run.get("minutes", 0.0) for run in runs_of(training)), 1),
            "gap_ms": 1000 * protocol["gap_s"],
            "scores": score_table(result["metrics"], None, "what"),
            "sound": sound_part(result),
            "labels": label_table(result["metrics"][CODEC]),
            "hits": result["onset_error_ms"]["n"],
            "mixtures": mixture_table(result["mixtures"]["methods"]),
            "probe": probe_table(result["probe"]),
            "sounds": sounds,
            "chance": 1 / sounds,
            "retrieval": retrieval_table(result["retrieval"]),
            "costs": ", ".join(f"{k.replace('_', ' ')} {v:.4f} ({1 / max(v, 1e-9):.0f}×)" for k, v in costs.items()),
        }
    )
