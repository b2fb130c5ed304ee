"""The `hven` command."""
