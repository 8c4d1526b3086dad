"""MIDI and OSC controllers, and what they are mapped to."""
