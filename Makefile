# Two commands on a fresh Debian or Ubuntu machine: make demo, make test.
PY := .venv/bin/python
DATA ?=

.PHONY: demo serve test check bench soak format lock steps words pictures clean

# Mosaic of real frames, by the command line and by the service, and groups of made particles;
# DATA=folder takes your own FITS images instead.
demo: .venv/ready
	$(PY) scripts/demo.py $(if $(DATA),--data "$(DATA)")
	$(PY) scripts/demo_service.py $(if $(DATA),--data "$(DATA)")
	$(if $(DATA),,$(PY) scripts/demo_groups.py)

# The service on its embedded defaults.
serve: .venv/ready
	.venv/bin/hven serve

# All tests, those of jobs and of what serves them on both databases; those that want a program
# that is not installed skip and name its package.
test: .venv/ready
	$(PY) -m pytest -q -n 2 --dist loadgroup -m "not slow"
	$(PY) -m pytest -q -n 2 --dist loadgroup -m "not slow" --database postgresql \
		tests/jobs tests/api tests/server tests/faults

# Style, types, layers, versions of steps, documentation.
check: .venv/ready
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports
	$(PY) -m hven.engine.lock --check
	$(PY) -m pytest -q tests/test_documentation.py

# The figures of docs/benchmarks.md, each beside its peers on this machine (about half an hour).
bench: .venv/ready
	sh benchmarks/run_all.sh

# Tests that take longer than a minute each, and pages and documents on PostgreSQL.
soak: .venv/ready
	$(PY) -m pytest -q -m slow
	$(PY) -m pytest -q -m slow --database postgresql tests/jobs tests/api tests/server tests/faults
	$(PY) -m pytest -q -n 2 --dist loadgroup --database postgresql \
		--ignore tests/portal/browser tests/web tests/vo tests/portal

# Mend what the tools can mend by themselves.
format: .venv/ready
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

# The words of the portal: new ones into the catalogue, the catalogue into what Django reads.
words: .venv/ready
	cd src/hven/portal && ../../../$(PY) -m django makemessages -l pt_BR --no-obsolete --no-location --no-wrap
	cd src/hven/portal && ../../../$(PY) -m django compilemessages

# The pictures of the help page, taken by the browser test that goes the way it tells of.
pictures: .venv/ready
	HVEN_TEST_PICTURES=$(CURDIR)/src/hven/portal/static/portal/help $(PY) -m pytest -q \
		tests/portal/browser/test_first_mosaic.py

# After a step's code changed and its version was raised.
steps: .venv/ready
	$(PY) -m hven.engine.lock --write

# Raise the pinned versions to what is current.
lock:
	sh scripts/lock.sh

clean:
	rm -rf .venv demo build .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/ready: requirements.txt pyproject.toml scripts/setup.sh
	sh scripts/setup.sh
