#!/bin/sh
# System packages for a CI machine: what DawDreamer links to, plug-ins that tests host, a sound server without a card, Pd.
set -eu
wanted="libgl1 libglib2.0-0 zam-plugins libportaudio2 jackd2 g++ puredata-core puredata-dev"
missing=""
for package in $wanted; do
    dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
    echo "not root: tests that need$missing will be skipped"
    exit 0
fi
apt-get update -qq
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
