"""The model families, and how a model is found and loaded by name."""
