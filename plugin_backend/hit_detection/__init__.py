"""Detect where a recording is hit, to the sample, and how hard."""

from plugin_backend.hit_detection.detect_hits import Hit, Sensitivity, detect_hits

__all__ = ["Hit", "Sensitivity", "detect_hits"]
