"""Messages of a keyboard, and sounds compared, for tests of the plug-in's instrument."""

import numpy as np

from presets.bank import Bank

RATE, HOP, SEED = 48_000, 512, 7


def silence(hops: int, channels: int = 1) -> np.ndarray:
    return np.zeros((channels, hops * HOP), np.float32)


def number(bank: Bank, name: str) -> int:
    return bank.names.index(name) + 1


def on(key: int = 60, velocity: int = 127, channel: int = 0) -> bytes:
    return bytes([0x90 + channel, key, velocity])


def off(key: int = 60, channel: int = 0) -> bytes:
    return bytes([0x80 + channel, key, 64])


def control(what: int, value: int = 0, channel: int = 0) -> bytes:
    return bytes([0xB0 + channel, what, value])


def distance_db(one: np.ndarray, other: np.ndarray) -> float:
    return 20 * np.log10(max(np.abs(one - other).max(), 1e-12))


def same(one: np.ndarray, other: np.ndarray) -> None:
    """To the bit."""
    np.testing.assert_array_equal(one, other)
