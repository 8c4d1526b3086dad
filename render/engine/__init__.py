"""Render a plan: decode cues, mix them into stems, run the effects, and stream blocks."""
