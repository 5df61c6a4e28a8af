"""`grokbench plot DIR slices`: the networks of kept weights, through examples of their own training set, as files."""

import re
import shutil
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import altair as alt
import numpy as np
import pytest
from safetensors.numpy import load_file

from grokbench.errors import StoreError
from grokbench.geometry import ReluNetwork, Snapshot, network_of, slice_through, triple_of
from grokbench.judging.evidence import gather
from grokbench.report.charts import Sheet
from grokbench.report.charts.files import rendered
from grokbench.report.charts.grey import grey_png
from grokbench.report.charts.slices import slices
from grokbench.report.charts.style import PAPER
from grokbench.runner.slicing import Selection, snapshots
from grokbench.store import Store

from .helpers import tiny
from .helpers.chart_specs import SVG
from .helpers.tiny import grokbench

SUITE = """\
suite: tiny
seeds: 1000-1001
baseline: baseline
weights: {epochs: [0], final: true}
tasks:
  parity: {use: sparse_parity, bits: 8, width: 8, samples: 40, epochs: 4, stop: budget}
  squares: {use: modular_addition, modulus: 7, width: 6, train_fraction: 0.45, batch_size: 8, epochs: 2}
regularizers:
  baseline: {}
  orthograd: {}
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Results with weights; not to be written to."""
    root = tmp_path_factory.mktemp("slices")
    return tiny.trained_here(root, SUITE)


def test_slices_are_those_of_the_kept_weights_and_the_training_set(kept, registry):
    store = Store.load(kept)
    found = snapshots(store, Selection(("parity",)), registry)
    assert [(each.task, each.regularizer, each.seed, each.epoch) for each in found] == [
        ("parity", method, 1000, epoch) for method in ("baseline", "orthograd") for epoch in (0, 4)
    ]
    assert all(np.array_equal(each.triple.inputs, found[0].triple.inputs) for each in found)  # paired by seed
    for each in found:
        cell = next(cell for cell in store.manifest.cells if cell.key == (each.task, each.regularizer))
        network = network_of(load_file(store.layout.weights(cell.identity, 1000, each.epoch)))
        assert each.slice.centroids == pytest.approx(network.centroids(each.triple.inputs))
        assert len(each.slice.regions) > 1
    others = snapshots(store, Selection(("parity",), ("baseline",), (1, 2), last=True), registry)
    assert [(each.regularizer, each.epoch, each.triple.number) for each in others] == [
        ("baseline", 4, 1), ("baseline", 4, 2)
    ]  # fmt: skip


def test_methods_are_sliced_at_the_same_seed(kept, registry, tmp_path):
    folder = shutil.copytree(kept, tmp_path / "out")
    store = Store.load(folder)
    cell = next(cell for cell in store.manifest.cells if cell.key == ("parity", "orthograd"))
    store.layout.run(cell.identity, 1000).unlink()
    found = snapshots(store, Selection(("parity",), last=True), registry)
    assert [(each.regularizer, each.seed) for each in found] == [("baseline", 1001), ("orthograd", 1001)]


def test_triples_have_different_classes_and_share_no_example():
    inputs, targets = np.arange(9.0)[:, None], np.array([3, 3, 3, 1, 2, 1, 2, 1, 2.0])
    found = [triple_of(inputs, targets, number) for number in range(3)]
    assert [triple.inputs.ravel().tolist() for triple in found] == [[0, 3, 4], [1, 5, 6], [2, 7, 8]]
    two = triple_of(inputs[:5], np.array([0, 0, 0, 1, 1.0]), 0)
    assert two.inputs.ravel().tolist() == [0, 3, 1]
    with pytest.raises(ValueError, match="has 9 examples, too few for 4 times three"):
        triple_of(inputs, targets, 3)


def shown_texts(file):
    return {text.text for text in ElementTree.fromstring(file.read_bytes()).iter(f"{SVG}text")}


def test_files_of_slices(kept, tmp_path):
    done = grokbench("plot", kept, "slices", "--task", "parity", "--out", tmp_path, "--format", "svg")
    assert done.status == 0, done.err
    (file,) = tmp_path.iterdir()
    assert file.name == "slices-parity.svg" and {"baseline", "orthograd", "epoch 0", "epoch 4"} <= shown_texts(file)
    done = grokbench("plot", kept, "other_slices", "--task", "parity", "--regularizer", "orthograd", "--out", tmp_path)
    assert done.status == 0 and len(list(tmp_path.iterdir())) == 4
    texts = shown_texts(tmp_path / "other_slices-parity.svg")
    assert {"orthograd", "epoch 4"} <= texts and not texts & {"baseline", "epoch 0"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("slices", "--task", "squares"), "squares / baseline cannot be sliced, because its network is not a fully"),
        (
            ("slices", "--task", "squares"),
            "(its outputs are not those of a ReLU network with its weights). Choose other",
        ),
        (("slices", "--task", "party"), "no runs to draw for the task 'party'"),
        (("slices", "--regularizer", "orto"), "--regularizer orto: the suite has no such regularizer"),
        (("forest", "--regularizer", "orto"), "has no regularizer 'orto'; there are: "),
        (("slices", "--metric", "loss"), "--metric applies only to the figure `metrics`, not to `slices`"),
    ],
)
def test_what_cannot_be_sliced_is_refused(kept, tmp_path, options, said):
    done = grokbench("plot", kept, *options, "--out", tmp_path / "out")
    assert done.status == 2 and said in re.sub(r"\s+", " ", done.err) and "Traceback" not in done.err


def test_without_kept_weights_the_way_to_keep_them_is_said(kept, registry):
    store = Store.load(kept)
    store.manifest = replace(store.manifest, seeds=(1,))
    with pytest.raises(StoreError, match="keeps no weights, without which nothing can be sliced. Write `weights: fin"):
        snapshots(store, Selection(), registry)


@pytest.fixture(scope="module")
def drawn(kept):
    """The figure of two networks of images and two planes."""
    rng = np.random.default_rng(0)
    inputs, targets = rng.random((6, 49)), np.arange(6.0)
    sizes = [(49, 12), (12, 10), (10, 3)]
    networks = [
        ReluNetwork(tuple(rng.normal(size=size) for size in sizes), tuple(rng.normal(size=n) for _, n in sizes))
        for _ in range(2)
    ]
    triples = [triple_of(inputs, targets, number) for number in range(2)]
    found = [
        Snapshot("digits", "baseline <b>", 7, epoch, triple, slice_through(network, triple.inputs))
        for epoch, network in enumerate(networks)
        for triple in triples
    ]
    return found, slices(Sheet(gather(Store.load(kept)), PAPER["single"]), found)


def test_the_figure_is_vega_lite_and_asks_for_nothing(drawn, capfd):
    found, specification = drawn
    alt.LayerChart.validate({**specification, "datasets": {}})
    svg = rendered(specification, "svg").decode()
    root = ElementTree.fromstring(svg)
    images = [
        image.get("{http://www.w3.org/1999/xlink}href") or image.get("href") for image in root.iter(f"{SVG}image")
    ]
    assert len(images) == 2 * 3 + 4 * 3 and all(each.startswith("data:image/png;base64,") for each in images)
    assert grey_png(found[0].slice.centroids[0]) in images
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {f"{len(each.slice.regions):,}" for each in found} <= set(texts) and "baseline <b>" in texts
    assert texts.count("cosine") == 2 and float(root.get("width").removesuffix("pt")) <= 241
    assert rendered(specification, "png").startswith(b"\x89PNG") and "WARN" not in capfd.readouterr().err.upper()


def test_every_region_is_drawn_within_its_frame(drawn):
    found, specification = drawn
    features = [row for rows in specification["datasets"].values() for row in rows if row.get("type") == "Feature"]
    rings = [ring for feature in features for (ring,) in feature["geometry"]["coordinates"]]
    assert len(rings) == sum(len(each.slice.regions) for each in found)
    points = np.array([point for ring in rings for point in ring])
    assert points.min() > 0 and points[:, 0].max() <= specification["width"] + 0.5
    assert points[:, 1].max() < specification["height"] and {row["shade"] for row in features} <= set(range(48))
