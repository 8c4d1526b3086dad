"""What a model may not see: whole sources are held out, so that no judge was recorded beside a lesson."""

from __future__ import annotations

FACTORY_HELD_OUT = frozenset({"minetest-data", "openarena-data", "scratch"})
"""Sources kept from the factory models; between them they hold steps on ten surfaces, doors and water."""
