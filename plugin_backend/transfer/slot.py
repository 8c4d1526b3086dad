"""A place for a target: when another takes it, the two cross-fade."""

from __future__ import annotations

import numpy as np

from plugin_backend.transfer.target import Target

ROLES = ("now", "before", "next")


class Slot:
    """The target in force, the one that fades out, and the one that waits for the fade's end.

    A switch that comes while another fades waits, and only the latest waits: however fast a performer switches, there
    are two targets at most to compute, and every fade is whole.

    Args:
        frames: a fade's length.
    """

    def __init__(self, frames: int):
        self._frames, self._left = max(1, frames), 0
        self._targets: dict[str, Target | None] = dict.fromkeys(ROLES)

    @property
    def target(self) -> Target | None:
        """The one in force, or ``None``."""
        return self._targets["now"]

    @property
    def matches(self) -> bool:
        """Whether any target here needs to know what was heard."""
        return any(target is not None and target.matches for target in self._targets.values())

    def select(self, target: Target, at_once: bool) -> None:
        """Put a target here, faded in unless the place was empty or it is wanted at once."""
        if at_once or self.target is None:
            self._targets, self._left = dict.fromkeys(ROLES) | {"now": target}, 0
        else:
            self._targets["next"] = target

    def moved(self, z: np.ndarray, heard: tuple, strength: float, blend: float) -> np.ndarray:
        """The next frame ``[channels, dims]`` of every channel, moved."""
        targets = self._targets
        if targets["next"] is not None and not self._left:
            targets.update(before=targets["now"], now=targets["next"], next=None)
            self._left = self._frames
        result = _moved(targets["now"], z, heard, strength, blend)
        if self._left:
            share = self._left / (self._frames + 1)
            result = result + share * (_moved(targets["before"], z, heard, strength, blend) - result)
            self._left -= 1
            if not self._left:
                targets["before"] = None
        return result

    def settle(self) -> None:
        """Be at once where it was going: while nobody hears it, there is nothing to fade."""
        if self._left or self._targets["next"] is not None:
            self.select(self._targets["next"] or self.target, at_once=True)

    def state(self) -> dict[str, np.ndarray]:
        """Plain arrays."""
        there = {role: target for role, target in self._targets.items() if target is not None}
        arrays = {f"{role}.{name}": value for role, own in there.items() for name, value in own.arrays().items()}
        return {"left": np.array(self._left), **arrays}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Be as it was."""
        self._left = int(state["left"])
        for role in ROLES:
            own = {name.split(".", 1)[1]: value for name, value in state.items() if name.startswith(f"{role}.")}
            self._targets[role] = Target(**own) if own else None


def _moved(target: Target, z: np.ndarray, heard: tuple, strength: float, blend: float) -> np.ndarray:
    wanted = target.moved(z, heard)
    result = z + strength * (wanted - z) if strength < 1 else wanted
    return result + blend * (target.nearest(wanted) - result) if blend else result
