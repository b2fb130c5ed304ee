#!/bin/sh
# Writes requirements.txt: the newest versions that pyproject.toml allows, with all extras for development.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet "setuptools>=77" ".[dev]"
{
    echo "# Pinned versions for a reproducible set-up; made by: make lock"
    "$folder/bin/pip" freeze --all --exclude hven --exclude pip
} > requirements.txt
