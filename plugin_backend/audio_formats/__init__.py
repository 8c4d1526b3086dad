"""Find the audio that a file really holds, if its header states less, more or nothing.

libsndfile believes headers. This package inspects the file itself. If header and file differ, libsndfile is given the
byte ranges that hold the audio, behind a correct header.
"""
