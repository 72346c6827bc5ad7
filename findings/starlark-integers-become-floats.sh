#!/bin/sh
# starlark-pyo3 2026.1.3 (the Rust Starlark interpreter in Python): json.decode reads an integer beyond 64 bits as a
# float while it fits one, and exactly once it does not. So the last digits of an integer of 21 to 309 digits are gone
# without an error, and an integer of 310 digits is right. Who folds JSON events in Starlark loses identifiers that
# RFC 8259 allows, and only those of middling length.
#
# Seen on linux-x86_64 with Python 3.11, for 1, zeros, 1:
#   20 digits: exact
#   21 digits: 1e+20
#   309 digits: 1e+308
#   310 digits: exact
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --quiet --disable-pip-version-check install starlark-pyo3==2026.1.3
"$place/venv/bin/python" - <<'PYTHON'
import starlark

globals_with_json = starlark.Globals.extended_by([starlark.LibraryExtension.Json])
seen = {}
for digits in (20, 21, 309, 310):
    number = "1" + "0" * (digits - 2) + "1"
    program = starlark.parse("example.star", f"str(json.decode('{number}'))")
    text = starlark.eval(starlark.Module(), program, globals_with_json)
    seen[digits] = "exact" if text == number else text
    print(f"{digits} digits: {seen[digits]}")
assert seen == {20: "exact", 21: "1e+20", 309: "1e+308", 310: "exact"}, seen
print("as described")
PYTHON
