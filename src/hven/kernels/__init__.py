"""Kernels: arrays in, arrays out; no files, no WCS objects, no scheduler."""
