"""Write an evaluation to files: ``metrics.json`` and a self-contained ``report.html``."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from plugin_backend.errors import OutputError
from plugin_backend.evaluation.evaluate import Evaluation
from plugin_backend.evaluation.metrics.score_clips import CODEC, START
from plugin_backend.evaluation.report import html, plots, sound_table, verdict
from plugin_backend.evaluation.report.sound_table import NULL, Row
from plugin_backend.evaluation.studies.surface_materials import TRAINING
from plugin_backend.staged_files import stage_files

PLAYED_CLIPS, PLAYED_S, ROW_S = 6, 3.0, 1.5
PLAYED = (CODEC, "low-pass 3.5 kHz", "noise in 160 bands, 1024/256")
"""The systems that have players, after the original."""

SHOWN = {CODEC: "this model", START: START}
"""The systems that are models, and their names."""

COLUMNS = {
    "visqol": ("ViSQOL ↑", "mean", "{:.2f}"),
    "log_mel_error_db": ("log-mel error, dB ↓", "mean", "{:.2f}"),
    "mel_mse": ("mel MSE, dB² ↓", "mean", "{:.1f}"),
    "mrstft": ("multi-res. STFT ↓", "mean", "{:.3f}"),
    "frechet_yamnet": ("Fréchet, YAMNet ↓", "mean", "{:.1f}"),
    "frechet_aisfx": ("Fréchet, aiSFX ↓", "mean", "{:.1f}"),
    "onset_error_ms": ("onset error, ms (median) ↓", "median", "{:.2f}"),
    "peak_error_db": ("hit peak error, dB (median) ↓", "median", "{:.2f}"),
    "envelope_correlation": ("2 ms envelope ↑", "mean", "{:.3f}"),
    "centroid_error": ("centroid error, octaves ↓", "mean", "{:.3f}"),
    "noisiness_error": ("noisiness error ↓", "mean", "{:.3f}"),
}
"""By metric: heading, which of its numbers is shown, and how."""


def score_cells(metrics: dict) -> list[str]:
    """Return one cell for each column that ``metrics`` (metric → numbers) has."""
    return [html.number(metrics[name][key], form) for name, (_, key, form) in COLUMNS.items() if name in metrics]


def write_report(evaluation: Evaluation, out: Path) -> list[Path]:
    """Write ``metrics.json`` and ``report.html`` into ``out``: see :func:`write_files`."""
    return write_files({"metrics.json": as_json(evaluation.metrics), "report.html": as_page(evaluation)}, out)


def write_files(texts: dict[str, str], out: Path) -> list[Path]:
    """Write each name's text into the folder ``out``, made if it does not exist; no incomplete file remains.

    Raises:
        OutputError: ``out`` cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with stage_files(out, "evaluation") as stage:
            for name, text in texts.items():
                stage.replacing(name).write_text(text, encoding="utf-8")
    except OSError as problem:
        raise OutputError(f"{out}: cannot be written ({problem.strerror})") from problem
    return [out / name for name in texts]


def as_json(metrics: dict) -> str:
    """Return the text of ``metrics.json``: strict JSON, one top-level entry after another."""
    return json.dumps(metrics, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def as_page(evaluation: Evaluation) -> str:
    """Return the whole report as HTML."""
    metrics = evaluation.metrics
    sections = (
        _protocol,
        _scores,
        _sound,
        _bank,
        partial(_labels, evaluation),
        _distributions,
        _materials,
        _mixtures,
        _probe,
        _latents,
    )
    title = f"{metrics['model']['name']}: evaluation"
    first = html.head(title) + verdict.section(metrics, partial(_worst, evaluation))
    return first + "".join(section(metrics) for section in sections) + _listen(evaluation) + "</html>\n"


def _worst(evaluation: Evaluation, question: verdict.Question) -> str:
    """Return players of the clip with the worst number for a question; without one, of the clip worst in colour."""
    rows = [row for row in evaluation.metrics["clips"] if row["system"] == CODEC]
    at = question.worst(rows)
    if at is not None:
        return _listen_cell(evaluation, at, f"worst: {evaluation.clips[at].name}")
    at = verdict.COLOUR.worst(rows) or 0
    return _listen_cell(evaluation, at, f"an example: {evaluation.clips[at].name}")


def _listen_cell(evaluation: Evaluation, index: int, title: str) -> str:
    """Return a clip as players of the recording, of the model, and of the model it started from."""
    most = round(ROW_S * evaluation.sample_rate)
    decoded = {SHOWN[name]: evaluation.decoded[name][index] for name in SHOWN if name in evaluation.decoded}
    sounds = {"recording": evaluation.clips[index].audio} | decoded
    return html.players_cell(title, {name: audio[:most] for name, audio in sounds.items()}, evaluation.sample_rate)


def _protocol(metrics: dict) -> str:
    model, data, protocol = metrics["model"], metrics["data"], metrics["protocol"]
    origin = (
        "all of sources that were held out from training, by the model's record"
        if data["unseen_in_training"]
        else "which may include sounds that the model was trained on"
    )
    lines = [
        f"Model {model['name']}, fingerprint {model['fingerprint']}.",
        f"{data['files']} files evaluated, {origin}. Sources: {', '.join(data['sources'])}.",
        f"{protocol['clips']} clips of {protocol['clip_s']:g} s at {protocol['sample_rate_hz']} Hz: sounds of one "
        f"source and label, trimmed, brought to one peak and joined with {1000 * protocol['gap_s']:g} ms between; "
        f"long sounds cut; at most {protocol['clips_per_label']} clips a label.",
        "Anchors are known kinds of damage: compare the codec's row with theirs. One column alone is not enough.",
    ]
    return html.listed(
        lines + (["A quick run: few clips and sounds."] if protocol["quick"] else []) + metrics["remarks"]
    )


def _scores(metrics: dict) -> str:
    systems = metrics["metrics"]
    header = ["system", *(title for name, (title, *_) in COLUMNS.items() if name in systems[CODEC])]
    rows = [[name, *score_cells(of)] for name, of in systems.items()]
    hits = systems[CODEC]["onset_error_ms"]["n"]
    note = f"Means over clips; onset and peak: medians over {hits} hits; Fréchet: all windows of all clips at once."
    return html.heading("Codec and anchors") + html.table(header, rows, CODEC) + html.paragraph(note, note=True)


def _sound(metrics: dict) -> str:
    columns = sound_table.numbers_of(metrics)
    note = "Textures are the clips of sounds that continue. Single sounds are all others, each measured alone. "
    note += "null: the two-sample test between two halves of the originals. At ½ the test finds no difference."
    page = html.heading("What is added, smeared and lost")
    return page + html.table(["", *columns], sound_table.lines(columns)) + html.paragraph(note, note=True)


BANK_COLUMNS = {
    "comb, dB": ("metrics", "comb_db", "mean"),
    "level, dB": ("hits", "level_db"),
    "texture statistics": ("textures", "ratio"),
    "rise, ms": ("hits", "rise_ms"),
    "original": ("hits", "original_rise_ms"),
    "fall, ms": ("hits", "fall_ms"),
    "original ": ("hits", "original_fall_ms"),
    "earlier, dB": ("hits", "early_db"),
    "cut at, dB": ("end_db",),
    "below 25 Hz, %": ("metrics", "rumble_25_percent", "mean"),
    "DC re RMS, dB": ("metrics", "offset_db", "median"),
    "centroid shift, octaves": ("metrics", "centroid_shift", "mean"),
    "hiss, dB": ("metrics", "hiss_db", "median"),
    "partials": ("tonality", "partials"),
    "found": ("tonality", "found"),
    "prominence change, dB": ("tonality", "prominence_change_db"),
    "cents": ("tonality", "cents_error"),
    "decay error, %": ("tonality", "decay_error_percent"),
}
"""The bank's table: by heading, the path of a preset's number."""


def _bank(metrics: dict) -> str:
    if "bank" not in metrics:
        return ""
    bank = metrics["bank"]
    columns = [Row(title, path, "{:.2f}") for title, path in BANK_COLUMNS.items()]
    rows = [[name, str(of["takes"]), *(column.cell(of) for column in columns)] for name, of in bank["presets"].items()]
    areas = {name: [html.number(of[which]) for which in (CODEC, NULL)] for name, of in bank["two_sample"].items()}
    apart = ", ".join(f"{name} {mine} (null {null})" for name, (mine, null) in areas.items())
    far = ", ".join(f"{name} {value:.1f}" for name, value in bank["frechet"].items())
    text = f"Each preset, compared with the recordings that it was made from. Fréchet: {far}. Two-sample AUC: {apart}."
    page = html.heading("The bank") + html.paragraph(text)
    return page + html.table(["preset", "takes", *(column.title for column in columns)], rows)


def _labels(evaluation: Evaluation, metrics: dict) -> str:
    mine = metrics["metrics"][CODEC]
    header = ["label", "clips", *(title for name, (title, *_) in COLUMNS.items() if name in mine), "listen"]
    labels = mine["log_mel_error_db"]["by_label"]
    first = {clip.label: index for index, clip in reversed(list(enumerate(evaluation.clips)))}
    rows = []
    for label, clips in labels.items():
        cells = score_cells({name: of["by_label"][label] for name, of in mine.items()})
        listen = _listen_cell(evaluation, first[label], evaluation.clips[first[label]].name) if label in first else ""
        rows.append([label, str(clips["n"]), *cells, listen])
    note = "Footsteps are listed by material, and all together as 'footsteps'. A Fréchet distance of one clip's few "
    note += "windows is larger than that of many: compare it only with other labels."
    return html.heading("Codec by label") + html.table(header, rows) + html.paragraph(note, note=True)


def _distributions(metrics: dict) -> str:
    description = "Histograms of errors for the codec and each anchor"
    return html.heading("Distribution of errors") + html.plot(plots.histograms(metrics["clips"]), description)


def _materials(metrics: dict) -> str:
    found = metrics["materials"]
    if not found["names"]:
        return ""
    foreign = [name for name, origin in found["origin"].items() if origin == TRAINING]
    text = (
        "Fréchet distance between a row's originals and a column's decoded sounds: the diagonal should be the smallest."
    )
    if foreign:
        text += f" No evaluated sounds of {', '.join(foreign)}: training sounds are used in their place."
    tables = found["regeneration"]
    shown = "".join(
        html.plot(plots.matrices(found["names"], {name: rows}, ("original", "decoded")), f"Reconstruction, {name}")
        for name, rows in tables.items()
    )
    return html.heading("Reconstruction by material") + html.paragraph(text) + shown


MIXED = {
    "lost_db": "lost, dB ↓",
    "heard_as": "recognised, share",
    "frechet_yamnet": "Fréchet, YAMNet ↓",
    "frechet_aisfx": "Fréchet, aiSFX ↓",
}
"""Measures of a mixture and their headings; each as a mean, and of its two materials the smaller and larger number."""

SIDES = {"mean": "mean", "lesser": "smaller", "greater": "larger"}
MATRICES = {
    "lost_db": "How much of the row's material is lost in a mixture with the column's: by how many dB the mixture "
    "differs from it where it is prominent.",
    "heard_as": "The probe's probability that the mixture is the row's material, as a share of both: ½ is balance.",
    "frechet_yamnet": "Fréchet distance (YAMNet) of the mixture to the row's originals.",
    "frechet_aisfx": "Fréchet distance (aiSFX) of the mixture to the row's originals.",
}


def _mixtures(metrics: dict) -> str:
    found = metrics["mixtures"]
    if len(found["materials"]) < 2:
        return ""
    page = html.heading("Mixtures of two materials")
    page += html.paragraph("Mean of the latents, their sum above silence, and the dominance-aware weighting.")
    header: list[str] = ["method"]
    rows: list[list[str]] = []
    for method, tables in found["methods"].items():
        cells = [method]
        for name, numbers in tables["evenness"].items():
            if numbers["mean"] is not None:
                header += [f"{MIXED[name]}, {SIDES[side]}" for side in numbers] if not rows else []
                cells += [html.number(value) for value in numbers.values()]
        rows.append(cells)
    page += html.table(header, rows)
    page += html.paragraph("Smaller and larger: of the two materials of a pair, the mean over pairs.", note=True)
    for name, text in MATRICES.items():
        tables = {method: of[name] for method, of in found["methods"].items() if name in of}
        if any(cell is not None for rows in tables.values() for row in rows for cell in row):
            page += html.paragraph(text)
            page += html.plot(plots.matrices(found["materials"], tables, ("material", "mixed with")), text)
    return page


def _probe(metrics: dict) -> str:
    page = html.heading("What a classifier recognises that was trained on other sources, or on other takes")
    for task, found in metrics["probe"].items():
        if "left_out" in found or not found["systems"]:
            page += html.paragraph(
                f"{task}: left out; {found.get('left_out', 'no evaluated sound has a label that it was trained on')}."
            )
            continue
        text = f"{task}: {found['lessons']} training sounds, {found['n']} test sounds, chance {found['chance']:.2f}, "
        text += f"always the most frequent label {found['majority']:.2f}."
        keys = ("accuracy", "balanced_accuracy", "agreement")
        rows = [[name, *(html.number(of[key]) for key in keys)] for name, of in found["systems"].items()]
        page += html.paragraph(text)
        page += html.table([task, "accuracy", "mean over labels", "same as for the original"], rows, CODEC)
        tables = {name: found["systems"][name]["confusion"] for name in ("original", CODEC)}
        page += html.plot(plots.matrices(found["labels"], tables, ("label", "recognised as")), f"Confusion of {task}")
    return page


def _latents(metrics: dict) -> str:
    page = html.heading("Latent space") + html.paragraph(
        "The mean latents of every evaluated sound. Diamonds are medians."
    )
    page += html.plot(plots.latent_map(metrics["latent_map"]), "Map of latents by material")
    found = metrics["interpolation"]
    if found["pairs"]:
        rows = [
            [f"{way}, {name}", *(html.number(of[to][key]) for to in of for key in ("worst_ratio", "mean_ratio"))]
            for way, tables in found["ways"].items()
            for name, of in tables.items()
        ]
        page += html.paragraph(
            "On a path between two materials: the largest distance, divided by that of the worse end."
        )
        page += html.table(["path", "to ends: worst", "mean", "to all clips: worst", "mean"], rows)
        names = next(iter(found["ways"].values()))
        page += "".join(html.plot(plots.ways(found, name), f"Distances along the path, {name}") for name in names)
    rows = [[kind, *(html.number(value, "{:.1f}") for value in of.values())] for kind, of in metrics["prior"].items()]
    embeddings = list(next(iter(metrics["prior"].values())))
    own = [html.number(metrics[f"frechet_{name}"]["mean"], "{:.1f}") for name in embeddings]
    page += html.paragraph(
        "Random latents: Fréchet distance of their sounds to all clips, and that of the decoded clips."
    )
    return page + html.table(["latents", *embeddings], [*rows, ["decoded clips", *own]])


def _listen(evaluation: Evaluation) -> str:
    """Return players of original, codec and two anchors for clips of different labels, and of a mixture."""
    page, rate_hz = html.heading("Listen"), evaluation.sample_rate
    most = round(PLAYED_S * rate_hz)
    first = {clip.label: index for index, clip in reversed(list(enumerate(evaluation.clips)))}
    chosen = sorted(first.values())[:: max(1, -(-len(first) // PLAYED_CLIPS))]
    for index in chosen:
        clip = evaluation.clips[index]
        sounds = {"original": clip.audio} | {name: evaluation.decoded[name][index] for name in PLAYED}
        page += html.players(clip.name, {name: audio[:most] for name, audio in sounds.items()}, rate_hz)
    if evaluation.mixtures:
        page += html.players("A mixture", {n: audio[:most] for n, audio in evaluation.mixtures.items()}, rate_hz)
    return page
