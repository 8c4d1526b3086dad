"""What an audio file really holds, where its header says less, more or nothing.

libsndfile believes headers. Here the file itself is looked at, and where the two differ libsndfile is given the
stretches of the file that hold its audio, behind a header that is right.
"""
