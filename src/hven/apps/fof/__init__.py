"""Groups of particles or galaxies by friends of friends."""

from hven.apps.fof.application import Groups, fof

__all__ = ["Groups", "fof"]
