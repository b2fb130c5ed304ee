"""Python client of a running Hven."""
