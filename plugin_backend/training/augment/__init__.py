"""Randomised effects over training sounds, after Foley-VAE's Table 1.

Drawing and applying are kept apart: :func:`~plugin_backend.training.augment.draw.draw_chain` answers
plain numbers, :func:`~plugin_backend.training.augment.apply.apply_chain` turns them into sound. A chain
can therefore be printed, stored and heard again.
"""
