"""Live playing: sound in, sound out, block by block, and a recording of all that was played."""
