"""Everything the model card says about a codec in numbers, as plain dictionaries."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable

import numpy as np

from plugin_backend.codec import Codec
from plugin_backend.corpus.sound import Sound
from plugin_backend.evaluation.anchors import ANCHORS
from plugin_backend.evaluation.dense_clips import CLIP_S, DenseClip, dense_clips, group_of
from plugin_backend.evaluation.metrics import envelope_correlation, log_mel_error_db, onset_error_ms, visqol
from plugin_backend.evaluation.retrieval import nearest_originals

CODEC = "codec"
System = Callable[[np.ndarray, int], np.ndarray]
METRICS = {
    "log_mel_error_db": log_mel_error_db,
    "envelope_correlation": envelope_correlation,
    "onset_error_ms": lambda guess, truth, rate_hz: abs(onset_error_ms(guess, truth, rate_hz)),
    "visqol": lambda guess, truth, rate_hz: visqol(guess, truth),
}
"""Name → function of guess, truth and rate; ``onset_error_ms`` without its sign."""

TIMED_RUNS, BLOCK_FRAMES = 5, 1


def there_and_back(codec: Codec) -> System:
    """Encode and decode, cut to the sound's own length."""
    return lambda audio, rate_hz: codec.decode(codec.encode(audio[None]))[0, : audio.size]


def systems(codec: Codec) -> dict[str, System]:
    """The codec and every anchor."""
    return {CODEC: there_and_back(codec)} | ANCHORS


def score_clips(codec: Codec, clips: list[DenseClip], metrics: dict, say=print) -> list[dict]:
    """One row per clip and system: ``group``, ``clip``, ``system`` and each metric."""
    rate_hz, rows = codec.spec.sample_rate, []
    for clip in clips:
        for name, system in systems(codec).items():
            guess = system(clip.audio, rate_hz)
            scores = {metric: round(score(guess, clip.audio, rate_hz), 4) for metric, score in metrics.items()}
            rows.append({"group": clip.group, "clip": clip.name, "system": name} | scores)
            say(" | ".join(map(str, rows[-1].values())), flush=True)
    return rows


def score_groups(rows: list[dict]) -> list[dict]:
    """Means of the rows over the clips of each group, and the number of ``clips``."""
    gathered = defaultdict(list)
    for row in rows:
        gathered[row["group"], row["system"]].append(row)
    names = [name for name in METRICS if name in rows[0]]
    return [
        {"group": group, "system": system, "clips": len(members)}
        | {name: round(statistics.fmean(row[name] for row in members), 4) for name in names}
        for (group, system), members in gathered.items()
    ]


def score_retrieval(codec: Codec, sounds: list[Sound]) -> list[dict]:
    """Shares of single sounds nearest to their own original and own label, per system and group."""
    rate_hz, table = codec.spec.sample_rate, []
    originals = [sound.audio for sound in sounds]
    groups = np.array([group_of(sound.label) for sound in sounds])
    labels = np.array([sound.label for sound in sounds])
    for name, system in systems(codec).items():
        nearest = nearest_originals([system(audio, rate_hz) for audio in originals], originals, rate_hz)
        own, own_label = nearest == np.arange(len(sounds)), labels[nearest] == labels
        for group in sorted(set(groups)):
            mine = groups == group
            shares = {"own_first": own[mine].mean(), "label_first": own_label[mine].mean()}
            row = {"group": group, "system": name, "sounds": int(mine.sum())}
            table.append(row | {share: round(float(value), 4) for share, value in shares.items()})
    return table


def cpu_share(work: Callable[[], object], audio_s: float) -> float:
    """CPU time of ``work`` as a share of the sound's length: the median of five runs after a warm-up."""
    work()
    spent = []
    for _ in range(TIMED_RUNS):
        began = time.thread_time()
        work()
        spent.append((time.thread_time() - began) / audio_s)
    return round(statistics.median(spent), 5)


def score_cost(codec: Codec) -> dict[str, float]:
    """CPU time / sound time on this thread: whole clips, and a decoder stream fed frame by frame."""
    spec = codec.spec
    audio = np.random.default_rng(0).normal(0, 0.1, (1, spec.hop_samples * round(CLIP_S * 100))).astype(np.float32)
    latents, audio_s = codec.encode(audio), audio.size / spec.sample_rate

    def stream() -> None:
        decoder = codec.decoder()
        for frame in range(0, latents.shape[1], BLOCK_FRAMES):
            decoder.push(latents[:, frame : frame + BLOCK_FRAMES])

    return {
        "encode": cpu_share(lambda: codec.encode(audio), audio_s),
        "decode": cpu_share(lambda: codec.decode(latents), audio_s),
        "decode_stream": cpu_share(stream, audio_s),
    }


def measure(codec: Codec, sounds: list[Sound], with_visqol: bool = True, say=print) -> dict:
    """All scores of a codec on held-out sounds (at the codec's rate).

    Raises:
        MissingExtraError: the ``evaluate`` extra is not installed.
    """
    metrics = {name: score for name, score in METRICS.items() if with_visqol or name != "visqol"}
    rows = score_clips(codec, dense_clips(sounds, codec.spec.sample_rate), metrics, say)
    return {
        "groups": score_groups(rows),
        "retrieval": score_retrieval(codec, sounds),
        "cpu_time_per_sound_time": score_cost(codec),
        "clips": rows,
    }
