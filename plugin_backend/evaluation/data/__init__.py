"""The sounds an evaluation uses: held-out recordings, dense clips, and checks for leakage."""
