#!/bin/sh
# Prepares this machine: finds a Swift toolchain and installs the system packages that are missing. It looks for what
# is needed (a command, a pkg-config module), not for package names, so it does nothing and costs some milliseconds when
# everything is there, also where the packages have other names.
#
# usage: scripts/setup.sh [run|check|test|bench]      what is prepared: each includes what stands before it
set -eu
purpose=${1:-run}
cd "$(dirname "$0")/.."

say() { printf '%s\n' "setup: $*" >&2; }
stop() { say "$*"; exit 1; }

need_swift() {
    if ! command -v swift >/dev/null 2>&1; then
        stop "no Swift toolchain on PATH. Hookline needs Swift 6.3 or newer:
       https://www.swift.org/install/linux   (swiftly installs it into your home folder)
       then open a new shell and run this command again"
    fi
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
    major=${version%%.*} minor=${version#*.}
    if [ -z "$version" ] || [ "$major" -lt 6 ] || { [ "$major" -eq 6 ] && [ "$minor" -lt 3 ]; }; then
        stop "this is Swift ${version:-of unknown version}; Hookline needs 6.3 or newer:
       https://www.swift.org/install/linux"
    fi
}

missing=
want_command() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }
want_module() { pkg-config --exists "$1" 2>/dev/null || missing="$missing $2"; }

collect_missing() {
    want_command pkg-config pkg-config
    want_command gcc gcc
    want_module openssl libssl-dev
    want_module yaml-0.1 libyaml-dev
    want_module libcrypt libcrypt-dev
    want_module libcurl libcurl4-openssl-dev
    want_module sqlite3 libsqlite3-dev
    [ "$purpose" = run ] || want_command abidiff abigail-tools
    case $purpose in
    test | bench)
        want_command python3 python3
        python3 -m pip --version >/dev/null 2>&1 || missing="$missing python3-pip"
        want_command mosquitto_pub mosquitto-clients
        want_command openssl openssl
        want_command mosquitto_passwd mosquitto
        ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || want_command postgres postgresql
        echo '#include <MQTTClient.h>' | gcc -E - >/dev/null 2>&1 || missing="$missing libpaho-mqtt-dev"
        want_command readelf binutils
        # As the mosquitto package, it must not start its service.
        want_command prometheus prometheus
        want_module rocksdb librocksdb-dev
        ;;
    esac
    if [ "$purpose" = bench ]; then
        [ -x /usr/sbin/mosquitto ] || want_command mosquitto mosquitto
    fi
}

install_missing() {
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null 2>&1 || stop "please install (names as in Debian):$missing"
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 || stop "not root and no sudo; run as root: apt-get install$missing"
        as_root=sudo
    fi
    say "installing$missing"
    # RUNLEVEL=1 keeps packages from starting their services: mosquitto's would take port 1883 from `make run`.
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 \
        || say "apt-get update failed; trying with the lists that are here"
    # shellcheck disable=SC2086 # a list of words is what is meant
    $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get install -y -qq --no-install-recommends $missing >&2 || stop "could not install$missing"
}

# Python packages of the integration tests go into .venv/site of this checkout: nothing is installed for the user or
# the system, and neither ensurepip nor the venv module need to be there. A stamp makes the second run free.
python_packages() {
    requirements=Tests/Integration/requirements.txt
    wanted=$({ cat "$requirements" scripts/setup.sh; python3 --version; } | cksum)
    [ "$(cat .venv/stamp 2>/dev/null || :)" = "$wanted" ] && return 0
    say "installing the Python packages of $requirements into .venv"
    rm -rf .venv
    PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 \
        python3 -m pip install --quiet --target .venv/site -r "$requirements" \
        || stop "pip could not install $requirements"
    # The older API of paho-mqtt is still what most devices and programs have; it cannot stand beside the newer one.
    PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 \
        python3 -m pip install --quiet --no-deps --target .venv/paho1 'paho-mqtt>=1.6.1,<2' \
        || stop "pip could not install paho-mqtt 1.6"
    printf '%s\n' "$wanted" >.venv/stamp
}

case $purpose in
run | check | test | bench) ;;
*) stop "unknown purpose '$purpose'; one of: run, check, test, bench" ;;
esac
# A browser is worth having for one test, which says that it was skipped without one: its absence stops nobody.
want_browser() {
    [ "$purpose" = test ] || return 0
    command -v chromium >/dev/null 2>&1 && return 0
    missing=" chromium"
    (install_missing) || say "no chromium: the test with a browser is skipped"
}

need_swift
collect_missing
install_missing
want_browser
case $purpose in test | bench) python_packages ;; esac
