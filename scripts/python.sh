# Sourced by start.sh and test.sh.
#
# enter_repository  changes to the folder that these scripts belong to, keeping AURORA_HOME and AURORA_PYTHON meaning
#                   what they meant where the person stands.
# find_python       prints the path of a Python that can make AURORA's virtual environment, or one sentence on stderr.
#                   Every candidate is really run: version managers leave shims that exist and fail.

enter_repository() {
  case "${AURORA_HOME:-/}" in
    /* | "~"*) ;;
    *) export AURORA_HOME="$PWD/$AURORA_HOME" ;;
  esac
  case "${AURORA_PYTHON:-/}" in
    /*) ;;
    */*) export AURORA_PYTHON="$PWD/$AURORA_PYTHON" ;;
  esac
  cd -- "$1" >/dev/null
}

probe='
import sys
version = "%d.%d" % sys.version_info[:2]
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    print("is Python " + version)
    sys.exit(3)
try:
    import ensurepip, venv
except ImportError:
    print(version)
    sys.exit(4)
'

# One path a line, in order of preference.
candidates() {
  local name
  for name in python3.11 python3.12 python3.13 python3; do
    if [ -n "${AURORA_PYTHON:-}" ]; then name=$AURORA_PYTHON; fi
    type -aP -- "$name" || true
    if [ -n "${AURORA_PYTHON:-}" ]; then return; fi
  done
}

find_python() {
  local path answer code no_venv="" unsuitable=""
  while IFS= read -r path; do
    if [ -z "$path" ]; then continue; fi
    code=0
    answer=$("$path" -c "$probe" 2>/dev/null </dev/null) || code=$?
    case "$code" in
      0) printf '%s\n' "$path"; return 0 ;;
      3) unsuitable="$unsuitable, $path $answer" ;;
      4) no_venv=${no_venv:-"$path cannot make virtual environments: install its venv module (on Debian and Ubuntu: apt-get install python$answer-venv) and start again."} ;;
      *) unsuitable="$unsuitable, $path does not run" ;;
    esac
  done <<EOF
$(candidates)
EOF
  unsuitable=${unsuitable#, }
  if [ -n "$no_venv" ]; then
    answer=$no_venv
  elif [ -n "${AURORA_PYTHON:-}" ]; then
    answer="AURORA_PYTHON=$AURORA_PYTHON is not a suitable Python (${unsuitable:-there is no such program}): 3.11, 3.12 or 3.13 is needed."
  else
    answer="No suitable Python was found${unsuitable:+ ($unsuitable)}: install 3.11, 3.12 or 3.13, or name one in AURORA_PYTHON."
  fi
  printf '%s: %s\n' "${0##*/}" "$answer" >&2
  return 1
}
