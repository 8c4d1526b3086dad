#!/bin/sh
# RAVE 2.3.1 for benchmarks/codec.py, in an environment of its own that sees the project's packages:
#   sh benchmarks/install_rave.sh            # makes .venv/rave; then: .venv/rave/bin/python benchmarks/codec.py
# What RAVE asks for (old SciPy, Lightning, nn-tilde) would clash with ours and is not needed to build its models, so
# packages come without their requirements. benchmarks/rave_peer.py gives it back the three old functions of SciPy
# that it calls. TorchAudio is imported for its transforms in Python; its compiled part wants a PyTorch of its own
# version and is taken out.
set -eu
cd "$(dirname "$0")/.."
ours=.venv
python=$ours/rave/bin/python
"$ours/bin/python" -m venv "$ours/rave"
site=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
"$ours/bin/python" -c 'import os, site, sys; print(*[p for p in sys.path if p.endswith("site-packages")], os.getcwd(), sep="\n")' \
  > "$site/project.pth"
"$python" -m pip install --quiet --no-deps acids-rave==2.3.1 cached-conv==2.5.0 gin-config==0.5.0 torchaudio==2.11.1 \
  pytorch-lightning==2.6.6 torchmetrics lightning-utilities udls einops GPUtil lmdb
"$python" -m pip install --quiet flask librosa scikit-learn tqdm requests pyyaml
rm -f "$site/torchaudio/lib/_torchaudio.so"
"$python" -c 'from benchmarks import rave_peer; print(rave_peer.build("v2_small", streaming=True)(__import__("torch").zeros(1, 1, 512)).shape)'
