"""One model for several streams: what they ask of it at the same time is computed in one call.

A call for eight streams takes little more than a call for one. Tasks run in turn, each as far as to where it asks the
model (:mod:`greenlet`); once all wait there or are done, everything that is alike is computed at once. Where packed
products are used (:mod:`plugin_backend.models.waveform_vae.fast_inference`) the bits of a row do not depend on the
rows beside it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from greenlet import getcurrent, greenlet
from torch import Tensor

from plugin_backend.codecs.base import Codec, CodecSpec, DecoderStream, EncoderStream
from plugin_backend.models.waveform_vae.codec import WaveformCodec


class _Task(greenlet):
    """A task that can wait for the model; its parent computes."""

    def __init__(self, task: Callable):
        super().__init__(self._outcome)
        self._task = task

    def _outcome(self, _):
        try:
            return self._task()
        except Exception as problem:  # noqa: BLE001 - handed to who gave the task
            return problem


class _Stream:
    """Rows of a memory, of which other streams may have the others.

    Attributes:
        compute: ``(given, memory) → (answer, memory)``; streams of one function can be computed together.
    """

    def __init__(self, compute: Callable):
        self.compute = compute
        self.hold(None, 0, 0)

    def hold(self, memory, first: int, rows: int) -> None:
        """These rows of the memory are its own from now on."""
        self.memory, self.first, self.rows = memory, first, rows

    @property
    def past(self):
        """What it remembers, alone."""
        return _leaf_by_leaf(lambda one: one[self.first : self.first + self.rows], self.memory)

    @past.setter
    def past(self, past) -> None:
        self.hold(past, 0, len(next(_leaves(past), ())))

    def ask(self, given: np.ndarray) -> np.ndarray:
        """What the model makes of it; waits for others that may ask too."""
        asked = torch.from_numpy(np.ascontiguousarray(given, np.float32))
        here = getcurrent()
        answer = here.parent.switch((self, asked)) if isinstance(here, _Task) else _computed([(self, asked)])[0]
        if isinstance(answer, Exception):
            raise answer
        return answer.numpy()


class _Encoder(_Stream, EncoderStream):
    def __init__(self, codec: WaveformCodec):
        super().__init__(codec.means_of)
        self._codec = codec

    def push(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        alone = self._codec.encoder()
        alone.past = self.past
        answer = alone.push(audio)
        self.past = alone.past
        return answer

    def means(self, audio: np.ndarray) -> np.ndarray:
        return self.ask(audio)


class _Decoder(_Stream, DecoderStream):
    def __init__(self, codec: WaveformCodec, past: tuple):
        super().__init__(codec.audio_of)
        self.past = past

    def push(self, latents: np.ndarray) -> np.ndarray:
        return self.ask(latents)


class BatchedCodec(Codec):
    """A waveform VAE whose streams can be computed together; else as the one it is made of."""

    def __init__(self, codec: WaveformCodec):
        self._codec = codec
        self.spec: CodecSpec = codec.spec

    def encoder(self, batch: int = 1) -> EncoderStream:
        return _Encoder(self._codec)

    def decoder(
        self, batch: int = 1, seeds: Sequence[int] | None = None, sides: Sequence[float] | None = None
    ) -> DecoderStream:
        return _Decoder(self._codec, self._codec.decoder_past(batch, seeds, sides))

    def silence(self, frames: int) -> np.ndarray:
        return self._codec.silence(frames)


def batched(codec: Codec) -> Codec:
    """The codec, its streams to be computed together where it is one of ours."""
    return BatchedCodec(codec) if isinstance(codec, WaveformCodec) else codec


def run_batched(tasks: Sequence[Callable[[], object]]) -> list:
    """Do all tasks; what they ask of shared codecs at the same time is computed in one call.

    Returns:
        What each task answered, in their order, or the exception it raised.
    """
    running, answers, outcomes = {n: _Task(task) for n, task in enumerate(tasks)}, {}, {}
    while running:
        waiting = []
        for number, task in list(running.items()):
            told = task.switch(answers.get(number))
            if task.dead:
                outcomes[number] = told
                del running[number]
            else:
                waiting.append((number, told))
        if not waiting:
            break
        answers = dict(zip((n for n, _ in waiting), _computed([asked for _, asked in waiting]), strict=True))
    return [outcomes[number] for number in range(len(tasks))]


@torch.inference_mode()
def _computed(asked: Sequence[tuple[_Stream, Tensor]]) -> list[Tensor | Exception]:
    """Answers in the order asked; those of one function and as many steps are computed in one call. If that fails,
    each of them gets why."""
    alike = defaultdict(list)
    for index, (stream, given) in enumerate(asked):
        alike[stream.compute, given.shape[1:], stream.memory is None].append(index)
    answers: dict[int, Tensor | Exception] = {}
    for (compute, _, fresh), indices in alike.items():
        streams, given = [asked[i][0] for i in indices], [asked[i][1] for i in indices]
        try:
            together, memory = compute(_joined(given), None if fresh else _memory_of(streams))
        except Exception as problem:  # noqa: BLE001 - raised where it was asked
            answers |= dict.fromkeys(indices, problem)
            continue
        first = 0
        for index, stream, own in zip(indices, streams, given, strict=True):
            stream.hold(memory, first, len(own))
            answers[index] = together[first : first + len(own)]
            first += len(own)
    return [answers[index] for index in range(len(asked))]


def _memory_of(streams: list[_Stream]):
    """Their rows in one memory, in their order: as it is, where they were computed together so before."""
    memory, first = streams[0].memory, 0
    for stream in streams:
        if stream.memory is not memory or stream.first != first:
            return _joined_leaves([stream.past for stream in streams])
        first += stream.rows
    return memory if first == len(next(_leaves(memory))) else _joined_leaves([stream.past for stream in streams])


def _joined(tensors: list[Tensor]) -> Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(tensors)


def _joined_leaves(memories: list):
    if isinstance(memories[0], (tuple, list)):
        return [_joined_leaves(list(ones)) for ones in zip(*memories, strict=True)]
    return _joined(memories)


def _leaf_by_leaf(what: Callable[[Tensor], Tensor], memory):
    if isinstance(memory, (tuple, list)):
        return [_leaf_by_leaf(what, one) for one in memory]
    return None if memory is None else what(memory)


def _leaves(memory) -> Iterator[Tensor]:
    if isinstance(memory, (tuple, list)):
        for one in memory:
            yield from _leaves(one)
    elif memory is not None:
        yield memory
