"""Interpolate all controls between two snapshots, A and B, with one knob.

Presets morph through the slots: give A's to slot ``a``, B's to slot ``b``, and set ``morph`` 0 in A and 1 in B. The
weights of summed slots are numbers like any other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from plugin_backend.errors import ProjectError
from plugin_backend.parameters import Parameter


def morph_snapshots(
    a: Mapping[str, float], b: Mapping[str, float], amount: float, parameters: Mapping[str, Parameter]
) -> dict[str, float]:
    """Return the controls between two snapshots, to be set on a stage with these ``parameters``.

    Every control is interpolated linearly in its own unit: levels in dB. A control that a snapshot does not name has
    its default there. If a latent's ``value`` is absent (NaN) in one snapshot only, it is absent in that snapshot's
    half. ``on`` and ``freeze`` act from 0.5 on, so they change halfway too.

    Args:
        a: values by name.
        b: values by name.
        amount: 0 … 1; 0 is ``a``, 1 is ``b``.
        parameters: of the stage.

    Returns:
        Values by name, for all controls that a snapshot names.

    Raises:
        ProjectError: a value is out of range, or a snapshot names an unknown control.
    """
    unknown = next((name for name in (*a, *b) if name not in parameters), None)
    if unknown is not None:
        raise ProjectError(f"no control '{unknown}' in the stage of the snapshots")
    named = [name for name in parameters if name in a or name in b]
    ends = {
        name: [parameters[name].validate(snapshot.get(name, parameters[name].default)) for snapshot in (a, b)]
        for name in named
    }
    return {name: _between(first, second, amount) for name, (first, second) in ends.items()}


def _between(a: float, b: float, amount: float) -> float:
    if math.isnan(a) or math.isnan(b):
        return a if amount < 0.5 else b
    return (1 - amount) * a + amount * b
