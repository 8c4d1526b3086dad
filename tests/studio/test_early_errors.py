"""Errors that need no model come before a model or PyTorch is loaded."""

import json
import subprocess
import sys

import numpy as np
import soundfile

CASES = {
    "capture missing.wav --name a --bank new": "missing.wav: no such audio file",
    "capture text.wav --name a --bank new": "text.wav: not a readable audio file",
    "capture good.wav missing.wav --name a --bank new": "missing.wav: no such audio file",
    "capture surround.wav --name a --bank new": "surround.wav: 3 channels; give a mono or stereo file",
    "capture silent.wav --name a --bank new": "preset 'a': no hit longer than 30 ms in its files",
    "capture good.wav --name A! --bank new": "a name has 1 to 64",
    "capture good.wav --name a --bank text.wav": "text.wav: cannot write here",
    "capture good.wav --name a --bank new --model nothing": "no model 'nothing'",
    "apply step-wood missing.wav --out out": "missing.wav: no such audio file",
    "apply step-wood good.wav missing.wav --out out": "missing.wav: no such audio file",
    "apply step-wood text.wav --out out": "text.wav: not a readable audio file",
    "apply step-none good.wav --out out": "step-none",
    "apply step-wood good.wav --out full": "good_step-wood.wav: is there already",
    "apply step-wood good.wav --out out --to step-stone": "morph goes with a second preset",
    "apply step-wood good.wav --out out --mode hits --sum step-stone=1": "hits are played, not moved",
    "apply amb-wind good.wav --out out --mode hits": "is a texture, which cannot strike",
    "apply step-wood good.wav --out out --model pcm": "was made with model 'foley'",
    "apply step-wood good.wav --out out --add nothing.safetensors:step-stone": "no model 'nothing.safetensors'",
    "mix step-wood step-none --name a --to new": "step-none",
    "mix step-wood amb-wind --name a --to new": "hits and textures do not mix",
    "live --preset step-wood --in missing.wav --out new.wav": "missing.wav: no such audio file",
    "live --preset step-wood --in good.wav --out good.wav": "good.wav: is there already",
    "live --preset step-none --in good.wav --out new.wav": "step-none",
    "live-replay nowhere --out new.wav": "nowhere",
    "render missing.csv --out out": "missing.csv",
    "render source.csv --out out": "missing.wav: no such audio file",
    "cues from-audio missing.wav": "missing.wav: no such audio file",
    "corpus empty": "empty: no usable sound in 0 audio files",
    "train empty --name a --minutes 1": "empty: no usable sound in 0 audio files",
    "train full --name a --minutes 1 --from nothing": "no model 'nothing'",
    "train full --name a --minutes 1 --out text.wav": "text.wav: cannot write here",
    "evaluate nothing --data full --out out": "no model 'nothing'",
    "evaluate foley --data nowhere --out out": "nowhere",
    "evaluate foley --data empty --out out": "empty: no usable sound",
    "evaluate foley --data full --out text.wav": "text.wav: cannot write here",
    "export nothing --format onnx --out a.onnx": "no model 'nothing'",
    "export foley --format onnx --out a.ts": "a.ts: a file for onnx must be named",
    "export foley --format nn-tilde --out there.ts": "there.ts: is there already",
    "import-rave missing.ts --trust": "missing.ts: cannot be read",
    "import-rave text.wav": "give --trust if you know its maker",
    "session nowhere --format rpp": "nowhere",
    "batch missing.toml --out out": "missing.toml",
    "plugin install --model nothing --to new": "no model 'nothing'",
}
"""Command → a part of its output."""

RUN_ALL = """
import contextlib, io, json, shlex, sys
from studio.cli import main
said = {}
for line in json.load(sys.stdin):
    sys.argv = ["pisada", *shlex.split(line)]
    error = io.StringIO()
    with contextlib.redirect_stderr(error), contextlib.suppress(SystemExit):
        try:
            main()
        except SystemExit as end:
            status = end.code
    said[line] = status, error.getvalue(), sorted({"torch", "onnx", "dawdreamer"} & set(sys.modules))
print(json.dumps(said))
"""


def test_errors_that_need_no_model_come_before_it_is_loaded(tmp_path):
    hit = np.random.default_rng(0).standard_normal(24_000) * np.exp(-np.arange(24_000) / 2_400) * 0.2
    soundfile.write(tmp_path / "good.wav", hit, 48_000)
    soundfile.write(tmp_path / "surround.wav", np.stack([hit] * 3, axis=1), 48_000)
    soundfile.write(tmp_path / "silent.wav", hit * 0, 48_000)
    (tmp_path / "text.wav").write_text("no audio")
    (tmp_path / "there.ts").write_text("mine")
    (tmp_path / "source.csv").write_text("id,start,stem,source\na,0.0,A,missing.wav\n")
    for folder in ("empty", "full"):
        (tmp_path / folder).mkdir()
    soundfile.write(tmp_path / "full" / "good_step-wood.wav", hit, 48_000)
    ran = subprocess.run(
        [sys.executable, "-c", RUN_ALL], input=json.dumps(list(CASES)), cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    printed = json.loads(ran.stdout.splitlines()[-1])
    wrong = {
        line: message
        for line, message in printed.items()
        if CASES[line] not in message[1] or message[0] != 2 or message[2]
    }
    assert wrong == {}
    assert printed.keys() == CASES.keys()
