#!/bin/sh
# Runs the integration tests against a build. Only our own pytest plugins are loaded, whatever else is installed here.
#
# usage: scripts/integration.sh BUILD_DIR [pytest arguments, files relative to Tests/Integration]
set -eu
cd "$(dirname "$0")/.."
build=$1
shift
export HOOKLINE_BUILD="$build" PYTHONPATH="$PWD/.venv/site" PYTHONDONTWRITEBYTECODE=1 PYTEST_DISABLE_PLUGIN_AUTOLOAD=1
# Tests wait on a broker more than they compute: two workers a CPU.
workers=${WORKERS:-$(($(nproc) * 2))}
cd Tests/Integration
exec python3 -m pytest -p xdist.plugin -n "$workers" -q "$@"
