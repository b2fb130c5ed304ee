"""The door of the Virtual Observatory: IVOA UWS, VOSI and DataLink."""
