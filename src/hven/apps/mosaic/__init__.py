"""Mosaics: from any set of calibrated FITS images with a WCS to one image on one grid."""

from hven.apps.mosaic.application import Mosaic, mosaic

__all__ = ["Mosaic", "mosaic"]
