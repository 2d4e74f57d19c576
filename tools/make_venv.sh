#!/bin/sh
# Makes a virtual environment, or brings it up to date, with nbflow installed from this checkout (editable).
# usage: make_venv.sh DIRECTORY EXTRAS [PYTHON]     e.g. make_venv.sh .venv demo,dev
set -eu
directory=$1
extras=$2
python=$directory/bin/python
here=$(dirname "$0")

# Made anew only where it is missing, or its interpreter is gone or too old.
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
    base=$(sh "$here/find_python.sh" ${3:+"$3"})
    echo "Making $directory with $("$base" --version) ($base)"
    "$base" -m venv --clear "$directory"
fi
# Before 21.3, pip cannot install a checkout as editable; Python 3.10.0 brought 21.2.
"$python" -m pip install --quiet --disable-pip-version-check "pip>=23"
echo "Installing nbflow and what it needs into $directory (the first time takes a minute or two)"
"$python" -m pip install --quiet --disable-pip-version-check --editable ".[$extras]"
