#!/bin/sh
# Runs every claim beside its peers; the tables land in bench-results/. About half an hour.
set -eu
cd "$(dirname "$0")/.."

for name in projection background_solve engine jobs waiting pages pages_in_browser mosaic wide groups groups_large; do
    .venv/bin/python "benchmarks/$name.py"
done
cat bench-results/*.md > bench-results/all.txt
echo "All tables: bench-results/all.txt"
