#!/bin/sh
# System packages for a CI machine: what DawDreamer links to, plug-ins that tests host, a sound server without a card, Pd,
# a browser, what makes notes and voices;
# then what our own plug-in is built with, and Ardour to host it.
set -eu
wanted="libgl1 libglib2.0-0 zam-plugins libportaudio2 jackd2 g++ puredata-core puredata-dev chromium"
wanted="$wanted fluidsynth timgm6mb-soundfont espeak-ng"
plugin="cmake ninja-build pkg-config libfreetype-dev libx11-dev libxext-dev libpng-dev libjpeg62-turbo-dev zlib1g-dev"
host="ardour xvfb"

missing_of() {
    for package in "$@"; do
        dpkg -s "$package" >/dev/null 2>&1 || printf ' %s' "$package"
    done
}

install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

# shellcheck disable=SC2086
missing=$(missing_of $wanted $plugin $host)
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
    echo "not root: tests that need$missing will be skipped"
    exit 0
fi
apt-get update -qq
# shellcheck disable=SC2086
missing=$(missing_of $wanted) && { [ -z "$missing" ] || install $missing; }
for group in "$plugin" "$host"; do
    # shellcheck disable=SC2086
    missing=$(missing_of $group)
    # shellcheck disable=SC2086
    [ -z "$missing" ] || install $missing || echo "cannot be installed: tests that need$missing will be skipped"
done
