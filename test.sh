#!/usr/bin/env bash
# Sets up what the tests need, then runs them; see --help.
set -euo pipefail

usage() {
  cat <<'EOF'
Usage: ./test.sh [--fast | --strict | --setup] [options and paths of pytest, from the repository's folder]

Makes .venv with the development tools, installs the Debian packages that are missing where it may (as root, or with a
sudo that asks no password), runs the tests on two processors, and says at the end what was skipped and why.

  --fast      leave out the tests marked slow, browser or postgres, and install no Debian packages
  --strict    a skipped test is a failure, except one that wants a real n8n
  --setup     set up only, run nothing
  --help      this text

Environment: AURORA_PYTHON and AURORA_TORCH_INDEX as for ./start.sh.
EOF
}

strict="" fast="" setup=""
declare -a rest=()
for argument in "$@"; do
  case "$argument" in
    -h | --help) usage; exit 0 ;;
    --strict) strict=yes ;;
    --fast) fast=yes ;;
    --setup) setup=yes ;;
    *) rest+=("$argument") ;;
  esac
done

# Prints the Debian packages that are missing here.
missing_packages() {
  command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || echo postgresql
  command -v redis-server >/dev/null || echo redis-server
  command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || echo chromium
}

install_packages() {
  local packages log root=""
  packages=$(missing_packages | tr '\n' ' ')
  if [ -z "$packages" ]; then return; fi
  if ! command -v apt-get >/dev/null; then
    echo "Not installed, and there is no apt-get here to install it: $packages(tests that want it are skipped)."
    return
  fi
  if [ "$(id -u)" != 0 ]; then
    if ! sudo -n true 2>/dev/null; then
      echo "Not installed: $packages(tests that want it are skipped). To run them: sudo apt-get install $packages"
      return
    fi
    root="sudo -n"
  fi
  log=.venv/packages.log
  echo "Installing Debian packages: $packages"
  # shellcheck disable=SC2086 # both are lists of words
  if $root apt-get update >"$log" 2>&1 </dev/null &&
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $packages >>"$log" 2>&1 </dev/null; then
    echo "Installed."
  else
    echo "They could not be installed: tests that want them are skipped (see $log)."
  fi
}

root=$(dirname -- "$(readlink -f -- "$0" 2>/dev/null || printf '%s' "$0")")
. "$root/scripts/python.sh"
enter_repository "$root"
python=$(find_python)
"$python" -m scripts.install --dev
if [ -z "$fast" ]; then install_packages; fi
if [ -n "$setup" ]; then exit 0; fi

declare -a options=(--numprocesses=2 --dist=worksteal)
if [ -n "$strict" ]; then options+=(--strict-skips); fi
if [ -n "$fast" ]; then options+=(-m "not slow and not browser and not postgres"); fi
exec .venv/bin/python -m pytest "${options[@]}" ${rest[@]+"${rest[@]}"}
