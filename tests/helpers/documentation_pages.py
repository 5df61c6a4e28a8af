"""The code blocks of a page of the documentation, and a folder in which a reader would type them."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import ExitStack, chdir, contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import yaml
from markdown_it import MarkdownIt

from grokbench.conformance.subjects import Subject
from grokbench.engine import timing
from grokbench.launchers.local import pool

from .short_cli import fewer_epochs, short
from .tiny import grokbench, launch_here, one_core

ROOT = Path(__file__).parents[2]
SAVED = re.compile(r"`([\w./-]+\.(?:py|yaml))`[^`]*:$")  # the end of a paragraph that names the file to save a block as
SHORT = Path(__file__).with_name("short_cli.py")
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|#.*")
OF_A_SHELL = re.compile(r"[|&;<>$`()*]|^(?!grokbench )")  # what takes a shell, outside of quotes and comments
LOOP = re.compile(r"for (\w+) in ([^;]+); do ([^;]+); done")
UNTRIED = "text"  # the language of what nobody types here: layouts, and commands for another machine
FRAME = {"suite": "fragment", "seeds": 2, "baseline": "baseline"}
PARTS = {"tasks": {"parity": {"use": "sparse_parity"}}, "regularizers": {"baseline": {}, "both": {"use": "orthograd"}}}


class Block(NamedTuple):
    """One fenced block."""

    line: int
    language: str
    text: str
    file: str | None  # to save it as


def blocks(page):
    """Every code block of a page, in order; directives, whose language is in braces, are for the site alone."""
    found, before = [], ""
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        if token.type == "fence" and not token.info.startswith("{"):
            named = SAVED.search(before)
            found.append(Block(token.map[0] + 1, token.info.strip(), token.content, named and named[1]))
        before = {"inline": token.content, "fence": ""}.get(token.type, before)
    return found


class Reader:
    """Types the blocks of a page, one after the other, into one folder, one shell and one notebook.

    A plain `grokbench` command is called in this process, where importing torch again and starting workers is saved.
    """

    def __init__(self, folder, runs=None):
        self.folder, self.notebook, bin_ = folder, {"__name__": "page"}, folder / "bin"
        bin_.mkdir()
        for name in ("pip", "nox"):  # what they do is what the other sessions of nox are about
            _executable(bin_ / name, "#!/bin/sh\nexit 0\n")
        _executable(bin_ / "grokbench", f'#!/bin/sh\nexec "{sys.executable}" -P "{SHORT}" "$@"\n')
        _executable(bin_ / "pytest", f'#!/bin/sh\nexec "{sys.executable}" -P -m pytest "$@"\n')
        self.environment = {**os.environ, "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
        shutil.copytree(ROOT / "results", folder / "results")  # a page may pack a folder into it
        if runs:
            shutil.copytree(runs, folder / "runs")

    def type(self, block):
        """Do what a reader does with a block; return the output of a shell. AssertionError if it does not work."""
        if block.file:
            (self.folder / block.file).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            with self._here():
                exec(compile(block.text, f"block of line {block.line}", "exec"), self.notebook)
        elif block.language == "yaml":
            return self._validated(block)
        elif block.language in ("sh", "console"):
            return self._shell(_commands(block))
        else:
            assert block.language == UNTRIED, f"line {block.line}: a block in {block.language!r}"
        return ""

    def _shell(self, text):
        """Run lines one by one, or all of them in one shell if one sets what another needs."""
        if re.search(r"^(export|cd) ", text, re.M):
            return self._bash(text)
        return "".join(self._line(line) for written in text.splitlines() for line in _commands_of(written))

    def _line(self, text):
        return self._bash(text) if OF_A_SHELL.search(QUOTED.sub("", text)) else self._call(text)

    def _call(self, line):
        words = shlex.split(line, comments=True)[1:]
        with self._here(words):
            done = grokbench(*short(words))
        assert done.status == 0, f"{line}\n{done.out}\n{done.err}"
        return done.out

    @contextmanager
    def _here(self, words=()):
        """While active, work in the folder, do jobs in this process, skip measuring costs, and check on one task."""
        fitting = Subject._fitting
        with ExitStack() as stack:
            stack.enter_context(patch.object(Subject, "_fitting", lambda subject: islice(fitting(subject), 1)))
            stack.enter_context(chdir(self.folder))
            stack.enter_context(patch.object(pool, "launch", launch_here))
            stack.enter_context(patch.object(timing, "LEAST_SECONDS", 1e-4))
            stack.enter_context(patch.object(timing, "ROUNDS", 3))
            stack.enter_context(fewer_epochs(words))
            yield

    def _bash(self, text):
        script = ["bash", "-e", "-o", "pipefail", "-c", text]
        done = subprocess.run(
            script, cwd=self.folder, env=self.environment, preexec_fn=one_core, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _validated(self, block):
        """Check that a part of a suite is valid in the smallest suite that contains it."""
        data = yaml.safe_load(block.text)
        (self.folder / "my_method.py").write_text("")
        whole = FRAME | {section: PARTS[section] | (data.get(section) or {}) for section in PARTS} | (
            {key: value for key, value in data.items() if key not in PARTS})  # fmt: skip
        (self.folder / "fragment.yaml").write_text(yaml.safe_dump(whole))
        return self._shell("grokbench validate fragment.yaml")


def _commands(block):
    """The typed lines of a block: all of a script, or the lines after the prompt of a session."""
    if block.language == "sh":
        return block.text
    return "\n".join(line[2:] for line in block.text.splitlines() if line.startswith("$ "))


def _commands_of(line):
    """The commands of a loop over values, or those that `&&` joins, one by one; else the line itself."""
    if not (loop := LOOP.fullmatch(line)):
        return QUOTED.sub("", line).split(" && ") if " && " in line else [line]
    name, values, command = loop.groups()
    return [command.replace(f"${name}", value) for value in values.split()]


def _executable(path, text):
    path.write_text(text)
    path.chmod(0o755)
