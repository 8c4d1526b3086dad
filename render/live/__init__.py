"""A preset under a performer's hands: sound in, sound out, block by block, and a record of all that was played."""
