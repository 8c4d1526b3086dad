"""The programs of General MIDI as NSynth's families and sources."""

from __future__ import annotations

GM_FAMILIES: tuple[tuple[range, str, str], ...] = (
    (range(0, 4), "keyboard", "acoustic"),
    (range(4, 6), "keyboard", "electronic"),
    (range(6, 8), "keyboard", "acoustic"),
    (range(8, 16), "mallet", "acoustic"),
    (range(16, 19), "organ", "electronic"),
    (range(19, 24), "organ", "acoustic"),
    (range(24, 26), "guitar", "acoustic"),
    (range(26, 32), "guitar", "electronic"),
    (range(32, 33), "bass", "acoustic"),
    (range(33, 38), "bass", "electronic"),
    (range(38, 40), "bass", "synthetic"),
    (range(40, 47), "string", "acoustic"),
    (range(47, 48), "mallet", "acoustic"),
    (range(48, 50), "string", "acoustic"),
    (range(50, 52), "string", "synthetic"),
    (range(52, 54), "vocal", "acoustic"),
    (range(54, 55), "vocal", "synthetic"),
    (range(56, 62), "brass", "acoustic"),
    (range(62, 64), "brass", "synthetic"),
    (range(64, 72), "reed", "acoustic"),
    (range(72, 80), "flute", "acoustic"),
    (range(80, 96), "synth_lead", "synthetic"),
    (range(104, 108), "guitar", "acoustic"),
    (range(108, 109), "mallet", "acoustic"),
    (range(109, 110), "reed", "acoustic"),
    (range(110, 111), "string", "acoustic"),
    (range(111, 112), "reed", "acoustic"),
    (range(112, 113), "mallet", "acoustic"),
    (range(114, 115), "mallet", "acoustic"),
)
"""Programs from 0, their family and source. Hits, effects and drums are left out: they are no notes."""

PROGRAMS: dict[int, tuple[str, str]] = {
    program: (family, source) for programs, family, source in GM_FAMILIES for program in programs
}
