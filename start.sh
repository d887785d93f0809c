#!/usr/bin/env bash
# Installs AURORA into .venv beside this file, then starts it; see --help.
set -euo pipefail

usage() {
  cat <<'EOF'
Usage: ./start.sh [options of `aurora serve`]

Makes the virtual environment .venv, installs AURORA into it (once: about 3 GB and some minutes), and starts the API
on http://127.0.0.1:8000 and the UI on http://127.0.0.1:8501 with the built-in fleet. Ctrl-C ends everything.

  --port N       port of the API (8000)
  --ui-port N    port of the UI (8501)
  --host H       address to bind (127.0.0.1)
  --no-ui        the API alone
  --help         this text

Environment:
  AURORA_HOME         where all state and logs are kept (~/.aurora)
  AURORA_PYTHON       the Python to use: 3.11, 3.12 or 3.13; without it the first suitable of python3.11, python3.12,
                      python3.13 and python3 is taken
  AURORA_TORCH_INDEX  URL of one more package index for the installation, such as PyTorch's own of CPU builds: on Linux
                      that saves several GB of CUDA libraries which AURORA does not need
  .env.example        lists every other setting
EOF
}

for argument in "$@"; do
  case "$argument" in -h | --help) usage; exit 0 ;; esac
done

root=$(dirname -- "$(readlink -f -- "$0" 2>/dev/null || printf '%s' "$0")")
. "$root/scripts/python.sh"
enter_repository "$root"
python=$(find_python)
exec "$python" -m scripts.start "$@"
