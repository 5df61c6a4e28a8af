"""The geometry of a trained ReLU network on a plane through its input space: regions, decision boundary, centroids.

    network     a fully connected ReLU network as arrays
    plane       the plane through three inputs
    polygons    convex polygons, and their cut by lines
    regions     the linear regions of a network on a plane, exact
    boundary    the decision boundary on a plane, exact
    slices      everything that a figure shows of one network on one plane
    snapshots   slices of trained networks through training examples

Only numpy is used. Numbers are float64.
"""

from grokbench.geometry.boundary import decision_boundary
from grokbench.geometry.network import ReluNetwork, network_of
from grokbench.geometry.plane import Plane, Window, plane_through
from grokbench.geometry.polygons import Polygons
from grokbench.geometry.regions import Regions, linear_regions
from grokbench.geometry.slices import Slice, slice_through
from grokbench.geometry.snapshots import Snapshot, Triple, triple_of

__all__ = [
    "Plane",
    "Polygons",
    "Regions",
    "ReluNetwork",
    "Slice",
    "Snapshot",
    "Triple",
    "Window",
    "decision_boundary",
    "linear_regions",
    "network_of",
    "plane_through",
    "slice_through",
    "triple_of",
]
