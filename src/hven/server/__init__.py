"""The service: settings, web, the supervisor of its parts."""
