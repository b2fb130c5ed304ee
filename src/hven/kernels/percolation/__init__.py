"""Percolation: groups of particles and galaxies by friends of friends."""

from hven.kernels.percolation.bricks import (
    Boundary,
    Bricks,
    Renamed,
    join_bricks,
    name_groups,
    number_names,
    plan_bricks,
)
from hven.kernels.percolation.groups import Method, friends_of_friends
from hven.kernels.percolation.hierarchy import hierarchy
from hven.kernels.percolation.properties import GroupProperties, group_properties, order_groups
from hven.kernels.percolation.redshift import Criterion, redshift_space_groups, unit_vectors

__all__ = [
    "Boundary",
    "Bricks",
    "Criterion",
    "GroupProperties",
    "Method",
    "Renamed",
    "friends_of_friends",
    "group_properties",
    "hierarchy",
    "join_bricks",
    "name_groups",
    "number_names",
    "order_groups",
    "plan_bricks",
    "redshift_space_groups",
    "unit_vectors",
]
