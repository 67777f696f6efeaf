"""The code that a model carries with it: the modules that scoring imports, and nothing else of the core.

A model of a registry is moved file by file, up when it is logged, down and up again when it is registered. So it holds what scores it
alone, about thirty modules, and does not change with code that has no part in it.
"""

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path

from stacks.home import PROJECT

ENTRY = "stackhouse.scoring"
"""The loader module that MLflow is told of."""


def copy_scoring_code(folder: Path, project: Path = PROJECT) -> Path:
    """Copy the modules that scoring imports into a folder; return the folder of their package, named as it is."""
    for file in scoring_modules(project).values():
        target = folder / file.relative_to(project)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    return folder / ENTRY.partition(".")[0]


def scoring_modules(project: Path = PROJECT) -> dict[str, Path]:
    """Return the modules that scoring imports, directly or through others, at the top or within a function; each with its file."""
    found: dict[str, Path] = {}
    waiting = [ENTRY]
    while waiting:
        module = waiting.pop()
        file = _file(project, module)
        if file is None or module in found:  # a name that is imported may be one of a module, and no module
            continue
        found[module] = file
        waiting += [module.rpartition(".")[0], *_imported(file)]
    return found


def _file(project: Path, module: str) -> Path | None:
    if module.partition(".")[0] != ENTRY.partition(".")[0]:
        return None
    place = project.joinpath(*module.split("."))
    return next((file for file in (place / "__init__.py", place.with_suffix(".py")) if file.is_file()), None)


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)
