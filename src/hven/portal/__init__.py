"""Django app: the pages."""
