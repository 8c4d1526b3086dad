"""The parts of the report's page: every text is escaped, and what a part holds is kept as it is."""

import base64
import io

import numpy as np
import soundfile

from plugin_backend.evaluation.report import html

HOSTILE = "<script>alert('&\"')</script>"


def test_no_text_becomes_markup():
    sounds = {HOSTILE: np.zeros(100, np.float32)}
    page = html.head(HOSTILE) + html.heading(HOSTILE) + html.paragraph(HOSTILE) + html.listed([HOSTILE])
    page += html.table([HOSTILE], [[HOSTILE, html.players_cell(HOSTILE, sounds, 48_000)]], HOSTILE)
    page += html.plot(b"", HOSTILE) + html.players(HOSTILE, sounds, 48_000)
    assert "<script" not in page and page.count("&lt;script&gt;alert(&#39;&amp;&#34;&#39;)&lt;/script&gt;") == 12


def test_a_table_has_its_cells_and_marks_one_row():
    page = html.table(["a", "b"], [["x", "1 < 2"], ["codec", html.players_cell("t", {}, 48_000)]], "codec")
    assert page.startswith('<div class="scroll"><table><thead><tr><th>a</th><th>b</th></tr></thead>')
    assert "<tr><td>x</td><td>1 &lt; 2</td></tr>" in page
    assert '<tr class=codec><td>codec</td><td><div class="players">t<br>' in page


def test_a_player_holds_its_sound():
    sound = np.linspace(-0.9, 0.9, 480, dtype=np.float32)
    page = html.players("title", {"one": sound, "two": sound * 2}, 48_000)
    assert page.startswith("<h3>title</h3>\n<p><label>one <audio controls")
    one, two = (base64.b64decode(part.split('"')[0]) for part in page.split("audio/flac;base64,")[1:])
    assert np.abs(soundfile.read(io.BytesIO(one))[0] - sound).max() < 2**-14
    assert np.abs(soundfile.read(io.BytesIO(two))[0]).max() <= 1
