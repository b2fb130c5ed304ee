"""How far a run is, shown to people; for runs here and on a service."""
