"""Models for other programs, and other programs' models: what leaves Pisada and what comes in."""
