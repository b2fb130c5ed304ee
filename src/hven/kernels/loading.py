"""Compiled code loaded before it is needed."""

from __future__ import annotations

import functools

import numpy as np

from hven.kernels.coadd import coadd_mean
from hven.kernels.overlap import project
from hven.kernels.percolation import (
    Boundary,
    friends_of_friends,
    group_properties,
    join_bricks,
    name_groups,
    number_names,
    order_groups,
    plan_bricks,
    redshift_space_groups,
)
from hven.kernels.pixel_map import build_pixel_map
from hven.kernels.plane import fit_difference
from hven.kernels.run_lengths import RunLengths
from hven.kernels.stretch import shrink


@functools.cache
def load_mosaic_kernels() -> None:
    """Run the kernels of a mosaic once on a few pixels.

    The first call of a compiled kernel takes a third of a second in each process, to bring up
    numba and to read the machine code. Processes that are forked afterwards have it.
    """
    image = np.ones((8, 8), np.float32)
    pixel_map = build_pixel_map(lambda x, y: (x + 0.25, y + 0.25), image.shape)
    piece = project(image, pixel_map)
    area = RunLengths(piece.area.shape, np.array([piece.area.size]), np.ones(1, np.float32))
    # Kept arrays are read-only, which is another type to numba.
    for kept in (piece.image, piece.area, area.ends, area.values):
        kept.flags.writeable = False
    fit_difference(piece, (piece.image, area, piece.x0, piece.y0), min_pixels=4)
    none = np.zeros((1, 3)), np.zeros((1, 2))
    coadded = coadd_mean([piece], (0, 0, 8, 8), planes=none[0], centers=none[1])
    shrink(coadded.image, 2)


@functools.cache
def load_percolation_kernels() -> None:
    """Run the kernels of friends of friends once on a few particles, as for a mosaic."""
    for kind in (np.float32, np.float64):
        points = np.ones((2, 3), kind)
        labels = friends_of_friends(points, 1.0)
        group_properties(labels, points)
        order_groups(labels, points)
        bricks = plan_bricks(points, 1, 1.0)
        bricks.ghosts(points, bricks.homes(points))
    friends_of_friends(points, 1.0, method="tree")
    names = name_groups(labels, np.arange(2))
    join_bricks([Boundary(names, names, names, names)])
    number_names(names)
    redshift_space_groups(np.array([[1.0, 0.0, 0.0]]), 1.0, 1.0, 1.0)
