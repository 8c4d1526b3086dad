"""Spotting from picture: find footsteps, doors and drops in a film, and make cues of them."""

from render.spotting.video.spot_film import SpottedFilm, spot_film

__all__ = ["SpottedFilm", "spot_film"]
