"""MIDI and OSC controllers, and the map from controllers to controls."""
