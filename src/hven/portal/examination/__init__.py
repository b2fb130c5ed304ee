"""A look into files that users bring: always in a process of its own, with little to spend."""
