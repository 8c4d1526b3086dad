"""Render a plan: decode cues, mix stems, run the DawDreamer graph."""
