#!/bin/sh
# The codec's exactness tests as other processors run them:  sh tests/processors.sh [KIND...]
#   engine    the engine in C alone, on made-up tables: here, on a Haswell, a Nehalem and ARM (seconds)
#   switched  this x86 processor without AVX-512: PyTorch's way, the engine as on AVX2, the engine in plain C (seconds)
#   avx2      an Intel Haswell, emulated: AVX2, no AVX-512
#   sse       an Intel Nehalem, emulated: no AVX
#   arm       64-bit ARM, emulated, with PyTorch for ARM
# Without a KIND all five. FILES picks other tests, ENGINES other ways of switched, as in
#   FILES=tests/render/engine/test_cue_decoding.py ENGINES=avx2 sh tests/processors.sh switched
# Emulation shows bits, not speed: it is 10 to 30 times slower.
set -eu
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}
root=${PROCESSORS_ROOT:-$venv/processors}
python=3.11
digest=950fecebac7cfc9f  # what the engine makes of tests/plugin_backend/engine_digest.c, everywhere
packages="torch==2.8.0 numpy safetensors msgspec sympy filelock typing_extensions networkx jinja2 fsspec mpmath markupsafe
  cffi pycparser soundfile soxr scipy pytest pluggy iniconfig packaging pygments tomli_w typer click hypothesis
  sortedcontainers platformdirs greenlet"  # torch 2.8 is the last whose ARM wheel on the package index is for CPUs alone
tests="-q -n0 -s -p no:cacheprovider ${FILES:-tests/plugin_backend/models/waveform_vae/test_same_bits.py}"

want() {  # COMMAND PACKAGE
  command -v "$1" > /dev/null || { echo "$1 is missing: apt-get install $2 (Debian)" >&2; exit 1; }
}

as_engine() {
  want qemu-x86_64-static qemu-user-static
  made=$(mktemp -d)
  flags="-O3 -ffp-contract=off -fno-math-errno -I plugin_backend/native tests/plugin_backend/engine_digest.c"
  # shellcheck disable=SC2086
  {
    ${CC:-cc} $flags -o "$made/here" -lm
    "$made/here"
    for cpu in Haswell Nehalem; do echo "$cpu"; qemu-x86_64-static -cpu $cpu "$made/here"; done
    if command -v aarch64-linux-gnu-gcc > /dev/null; then
      aarch64-linux-gnu-gcc $flags -static -o "$made/arm" -lm
      echo "ARM"
      qemu-aarch64-static "$made/arm"
    else
      echo "without ARM: apt-get install gcc-aarch64-linux-gnu (Debian)"
    fi
  } 2> /dev/null | tee "$made/told"
  [ "$(awk 'NF > 2 && length($2) == 16 { print $2 }' "$made/told" | sort -u)" = "$digest" ] ||
    { echo "the engine made other bits than $digest" >&2; exit 1; }
}

arm_root() {
  [ -x "$root/arm/usr/bin/python$python" ] || mmdebstrap --variant=extract --architectures=arm64 \
    --include=python$python,libgomp1,libstdc++6,zlib1g,libffi8,libssl3,libbz2-1.0,liblzma5,libsqlite3-0,libsndfile1 \
    bookworm "$root/arm"
  [ "$(cat "$root/packages" 2> /dev/null)" = "$packages" ] && return
  rm -rf "$root/wheels" "$root/site"
  mkdir -p "$root/wheels" "$root/site"
  # shellcheck disable=SC2086
  "$venv/bin/pip" download -q --no-deps -d "$root/wheels" --platform manylinux_2_28_aarch64 \
    --platform manylinux_2_17_aarch64 --platform manylinux2014_aarch64 --platform any --python-version $python \
    --only-binary=:all: $packages
  for wheel in "$root"/wheels/*.whl; do "$venv/bin/python" -m zipfile -e "$wheel" "$root/site"; done
  printf %s "$packages" > "$root/packages"
}

emulated() {  # KIND CPU: makes $root/KIND/bin/python, which is emulated, and so are the processes that it starts
  mkdir -p "$root/$1/bin" "$root/$1/lib/python$python"
  home=$(cd "$root/$1" && pwd)
  cp "$venv/pyvenv.cfg" "$home/"
  ln -sfn "$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
    "$home/lib/python$python/site-packages"
  printf '#!/bin/sh\nexec qemu-x86_64-static -cpu %s -0 "%s" "%s" "$@"\n' "$2" "$home/bin/python" \
    "$(readlink -f "$venv/bin/python")" > "$home/bin/python"
  chmod +x "$home/bin/python"
}

for kind in ${*:-engine switched avx2 sse arm}; do
  echo "== $kind"
  # shellcheck disable=SC2086
  case $kind in
  engine) as_engine ;;
  switched)
    for engine in ${ENGINES:-none avx2 plain}; do
      PISADA_ENGINE=$engine ATEN_CPU_CAPABILITY=avx2 FBGEMM_ENABLE_INSTRUCTIONS=AVX2 ONEDNN_MAX_CPU_ISA=AVX2 \
        MKL_ENABLE_INSTRUCTIONS=AVX2 "$venv/bin/python" -m pytest $tests
    done ;;
  avx2 | sse)
    want qemu-x86_64-static qemu-user-static
    # without what is not emulated, of which QEMU would warn
    cpu=Haswell,-pcid,-x2apic,-tsc-deadline,-hle,-invpcid,-rtm; [ "$kind" = avx2 ] || cpu=Nehalem
    emulated "$kind" $cpu
    "$root/$kind/bin/python" -m pytest $tests ;;
  arm)
    want qemu-aarch64-static qemu-user-static
    want mmdebstrap mmdebstrap
    arm_root
    made=plugin_backend/_engine.cpython-311-aarch64-linux-gnu.so  # of no use to an x86 Python, which does not look
    rm -f $made
    engines=none
    if command -v aarch64-linux-gnu-gcc > /dev/null; then
      aarch64-linux-gnu-gcc -O3 -ffp-contract=off -fno-math-errno -shared -fPIC -o $made \
        plugin_backend/native/engine.c -lm
      engines="neon none"
    else
      echo "PyTorch alone; the engine too with: apt-get install gcc-aarch64-linux-gnu (Debian)"
    fi
    for engine in $engines; do
      qemu-aarch64-static -L "$root/arm" -E PYTHONPATH="$PWD:$root/site" -E PISADA_ENGINE="$engine" \
        -E LD_LIBRARY_PATH="$root/arm/usr/lib/aarch64-linux-gnu" "$root/arm/usr/bin/python$python" -m pytest \
        ${tests#-q -n0}
    done ;;
  *) sed -n '2,7p' "$0" >&2; exit 2 ;;
  esac
done
