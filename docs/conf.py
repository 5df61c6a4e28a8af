"""The site: `nox -s docs` builds it without a warning, into `site/`."""

import json
import re
import sys
from pathlib import Path

import grokbench
from grokbench.submissions import schema as submissions
from grokbench.suite.schema import json_schema

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import catalogue_pages  # noqa: E402 - beside this file

project = "GrokBench"
author = "the authors of GrokBench"
version = release = grokbench.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_click"]
default_role = "code"  # of docstrings: names are in single backticks there
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True}
autodoc_preserve_defaults = True
maximum_signature_line_length = 100
napoleon_google_docstring = True
napoleon_use_ivar = True  # the fields of a record are listed once, as `Attributes:` explains them,
napoleon_attr_annotations = False  # and their types and defaults stand in its signature

html_theme = "furo"
html_title = "GrokBench"
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_extra_path = ["_generated"]


def plain_defaults(app, what, name, obj, options, signature, returned):
    """Write a default that is no expression, such as <factory>, as three dots: Sphinx cannot read it."""
    del app, what, name, obj, options
    return (re.sub(r"=( ?)<[^>]+>", r"=\1...", signature), returned) if signature else None


def setup(app):
    """Write the pages and files that come from the program: the catalogue of plugins, and two schemas."""
    app.connect("autodoc-process-signature", plain_defaults)
    generated = HERE / "_generated"
    generated.mkdir(exist_ok=True)
    (generated / "suite.schema.json").write_text(json.dumps(json_schema(), indent=1), encoding="utf-8")
    (generated / submissions.FILE).write_text(json.dumps(submissions.schema(), indent=1), encoding="utf-8")
    catalogue_pages.write(HERE / "reference")
