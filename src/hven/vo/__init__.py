"""Django app: UWS, VOSI, DataLink."""
