"""One knob from all controls as they are in A to all as they are in B.

Presets take the way of the slots: give A's to slot ``a``, B's to slot ``b``, and set ``morph`` 0 in A and 1 in B; the
weights of summed slots are numbers as any other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from plugin_backend.errors import ProjectError
from plugin_backend.parameters import Parameter


def morph_snapshots(
    a: Mapping[str, float], b: Mapping[str, float], amount: float, parameters: Mapping[str, Parameter]
) -> dict[str, float]:
    """The controls between two snapshots, to be set on a stage whose ``parameters`` these are.

    Every control goes straight, in its own unit: levels in dB. One that a snapshot does not name has its default
    there. A latent's ``value`` that is absent (NaN) in only one of them is absent in that one's half of the way; ``on``
    and ``freeze``, which act from 0.5 on, turn halfway too.

    Args:
        a, b: values by name.
        amount: 0..1; 0 is ``a``, 1 is ``b``.
        parameters: of the stage.

    Raises:
        ProjectError: a value is out of range, or a snapshot names what is not there.
    """
    wrong = next((name for name in (*a, *b) if name not in parameters), None)
    if wrong is not None:
        raise ProjectError(f"no control '{wrong}' in what the snapshots are of")
    named = [name for name in parameters if name in a or name in b]
    ends = {
        name: [parameters[name].validate(own.get(name, parameters[name].default)) for own in (a, b)] for name in named
    }
    return {name: _between(*both, amount) for name, both in ends.items()}


def _between(a: float, b: float, amount: float) -> float:
    if math.isnan(a) or math.isnan(b):
        return a if amount < 0.5 else b
    return (1 - amount) * a + amount * b
