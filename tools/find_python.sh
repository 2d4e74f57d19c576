#!/bin/sh
# Prints the path of a Python that nbflow can be set up with: 3.10 or newer, able to make a virtual environment.
# usage: find_python.sh [CANDIDATE...]    (default: the names below, the tested versions first)
set -u
[ $# -gt 0 ] || set -- python3.13 python3.12 python3.11 python3.10 python3 python

too_old=
not_whole=
for candidate in "$@"; do
    # A name on PATH is not yet a Python: version managers leave stubs that only print an error.
    found=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
    if ! "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
        too_old="$too_old $candidate ($found)"
    elif ! "$candidate" -c 'import ensurepip, ssl, venv' 2>/dev/null; then
        not_whole="$not_whole $candidate ($found)"
    else
        "$candidate" -c 'import sys; print(sys.executable)'
        exit 0
    fi
done

{
    echo "nbflow needs Python 3.10 or newer, and none of these will do: $*"
    [ -z "$too_old" ] || echo "  too old:$too_old"
    [ -z "$not_whole" ] || echo "  no venv, ensurepip or ssl:$not_whole (on Debian and Ubuntu: apt-get install python3-venv)"
    echo "Name another one: make PYTHON=/path/to/python3 ..."
} >&2
exit 1
