"""Puts one name into the wheel, ``bigram``: ``common``, ``impl_numpy`` and ``impl_torch`` become
packages inside it, and every import of them says so. The clone and an editable install keep their
layout."""

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MOVED = ("common", "impl_numpy", "impl_torch")
IMPORT = re.compile(rf"^(\s*from )({'|'.join(MOVED)})\b", re.MULTILINE)
BARE = re.compile(rf"^\s*import ({'|'.join(MOVED)})\b", re.MULTILINE)


class Hook(BuildHookInterface):
    """A copy of the sources with other imports, which the wheel is made of."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        self.copy = Path(tempfile.mkdtemp())
        target = self.copy / "bigram"
        skipped = shutil.ignore_patterns("__pycache__")
        shutil.copytree(Path(self.root) / "bigram", target, ignore=skipped)
        for name in MOVED:
            shutil.copytree(Path(self.root) / name, target / name, ignore=skipped)
        for path in target.rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            if BARE.search(text):
                raise ValueError(
                    f"{path}: write `from PACKAGE import ...`, which the wheel can rewrite"
                )
            path.write_text(IMPORT.sub(r"\1bigram.\2", text), encoding="utf-8")
        build_data["force_include"][str(target)] = "bigram"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if version != "editable":
            shutil.rmtree(self.copy)
