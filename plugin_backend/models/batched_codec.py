"""One model for several streams: requests made at the same time are computed in one call.

A call for eight streams takes little longer than a call for one. Tasks run in turn, each until it requests the model
(:mod:`greenlet`). When all tasks wait or are done, all requests of the same shape are computed together. The bits of a
row do not depend on the rows beside it if the codec's products are exact.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from greenlet import getcurrent, greenlet

from plugin_backend.codecs.base import Codec, CodecSpec, DecoderStream, EncoderStream
from plugin_backend.models.family import BatchableCodec

Compute = Callable[[np.ndarray, Any], tuple[np.ndarray, Any]]
"""``(input, past) → (output, past)``."""


class _Task(greenlet):
    """A task that can wait for the model. Its parent computes."""

    def __init__(self, task: Callable[[], object]):
        super().__init__(self._run_task)
        self._task = task

    def _run_task(self, _: object) -> object:
        try:
            return self._task()
        except Exception as problem:  # noqa: BLE001 - returned to the caller of run_batched
            return problem


class _Stream:
    """Rows of a past whose other rows may belong to other streams.

    Attributes:
        compute: the function that computes a block. Streams with the same function can be computed together.
    """

    def __init__(self, compute: Compute):
        self.compute = compute
        self.set_rows(None, 0, 0)

    def set_rows(self, memory: Any, first: int, rows: int) -> None:
        """Make these rows of ``memory`` the stream's past.

        Args:
            memory: the joint past.
            first: the first row of it.
            rows: how many rows.
        """
        self.memory, self.first, self.rows = memory, first, rows

    @property
    def past(self) -> Any:
        """The past of this stream alone."""
        return _map_leaves(lambda leaf: leaf[self.first : self.first + self.rows], self.memory)

    @past.setter
    def past(self, past: Any) -> None:
        self.set_rows(past, 0, len(next(_leaves(past), ())))

    def request(self, array: np.ndarray) -> np.ndarray:
        """Return the model's output for this input. Inside a task, this waits for the requests of other tasks."""
        given = np.ascontiguousarray(array, np.float32)
        task = getcurrent()
        output = task.parent.switch((self, given)) if isinstance(task, _Task) else _forward([(self, given)])[0]
        if isinstance(output, Exception):
            raise output
        return output


class _Encoder(_Stream, EncoderStream):
    def __init__(self, codec: Any):
        super().__init__(codec.encode_rows)
        self._codec = codec

    def push(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        alone = self._codec.encoder()
        alone.past = self.past
        latents = alone.push(audio)
        self.past = alone.past
        return latents

    def means(self, audio: np.ndarray) -> np.ndarray:
        return self.request(audio)


class _Decoder(_Stream, DecoderStream):
    def __init__(self, codec: Any, past: Any):
        super().__init__(codec.decode_rows)
        self.past = past

    def push(self, latents: np.ndarray) -> np.ndarray:
        return self.request(latents)


class BatchedCodec(Codec):
    """A codec whose streams can be computed together. Apart from that it equals the codec it wraps.

    Args:
        codec: a :class:`~plugin_backend.models.family.BatchableCodec`.
    """

    def __init__(self, codec: Any):
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
    """Return a codec whose streams can be computed together, if the codec allows it; else the codec itself."""
    return BatchedCodec(codec) if isinstance(codec, BatchableCodec) else codec


def run_batched(tasks: Sequence[Callable[[], object]]) -> list:
    """Run all tasks; their requests to batched codecs at the same time are computed in one call.

    Args:
        tasks: the tasks.

    Returns:
        What each task returned, in their order, or the exception it raised.
    """
    running, outcomes = {number: _Task(task) for number, task in enumerate(tasks)}, {}
    outputs: dict[int, np.ndarray | Exception] = {}
    while running:
        waiting = []
        for number, task in list(running.items()):
            result = task.switch(outputs.get(number))
            if task.dead:
                outcomes[number] = result
                del running[number]
            else:
                waiting.append((number, result))
        if not waiting:
            break
        outputs = dict(zip((n for n, _ in waiting), _forward([request for _, request in waiting]), strict=True))
    return [outcomes[number] for number in range(len(tasks))]


def _forward(requests: Sequence[tuple[_Stream, np.ndarray]]) -> list[np.ndarray | Exception]:
    """Return the outputs in the order of the requests.

    Requests of one function and one length are computed in one call. If that fails, each of them gets the exception.
    """
    groups = defaultdict(list)
    for index, (stream, array) in enumerate(requests):
        groups[stream.compute, array.shape[1:], stream.memory is None].append(index)
    outputs: dict[int, np.ndarray | Exception] = {}
    for (compute, _, fresh), indices in groups.items():
        streams, arrays = [requests[i][0] for i in indices], [requests[i][1] for i in indices]
        try:
            joined, memory = compute(_joined(arrays), None if fresh else _joint_memory(streams))
        except Exception as problem:  # noqa: BLE001 - raised in the task that made the request
            outputs |= dict.fromkeys(indices, problem)
            continue
        first = 0
        for index, stream, array in zip(indices, streams, arrays, strict=True):
            stream.set_rows(memory, first, len(array))
            outputs[index] = joined[first : first + len(array)]
            first += len(array)
    return [outputs[index] for index in range(len(requests))]


def _joint_memory(streams: list[_Stream]) -> Any:
    """Return the streams' rows as one memory, in their order; without a copy if they were computed together before."""
    memory, first = streams[0].memory, 0
    for stream in streams:
        if stream.memory is not memory or stream.first != first:
            return _joined_leaves([stream.past for stream in streams])
        first += stream.rows
    return memory if first == len(next(_leaves(memory))) else _joined_leaves([stream.past for stream in streams])


def _joined(arrays: list[np.ndarray]) -> np.ndarray:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _joined_leaves(memories: list) -> Any:
    if isinstance(memories[0], (tuple, list)):
        return [_joined_leaves(list(parts)) for parts in zip(*memories, strict=True)]
    return _joined(memories)


def _map_leaves(change: Callable[[np.ndarray], np.ndarray], memory: Any) -> Any:
    if isinstance(memory, (tuple, list)):
        return [_map_leaves(change, part) for part in memory]
    return None if memory is None else change(memory)


def _leaves(memory: Any) -> Iterator[np.ndarray]:
    if isinstance(memory, (tuple, list)):
        for part in memory:
            yield from _leaves(part)
    elif memory is not None:
        yield memory
