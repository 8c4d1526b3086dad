"""Find presets and sounds by words, by a sound, or by a picture."""
