"""Which modules of this repository a program needs, and which packages of others: read from their import statements.

Imports inside functions count too, so nothing that is loaded late is forgotten. Nothing is imported to find out.
"""

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Needed:
    """The source files by module name, and the top-level names of packages that are neither ours nor Python's."""

    modules: dict[str, Path]
    packages: frozenset[str]


def needed_by(program: str, root: Path) -> Needed:
    """Return everything that the module `program` below `root` imports, directly or not."""
    modules: dict[str, Path] = {}
    packages: set[str] = set()
    waiting = [program]
    while waiting:
        name = waiting.pop()
        path = _source(name, root)
        if name in modules:
            continue
        if path is None:
            top = name.partition(".")[0]
            if not (root / top).is_dir() and top not in sys.stdlib_module_names:
                packages.add(top)
            continue
        modules[name] = path
        waiting += _packages_around(name)
        waiting += _imported(ast.parse(path.read_bytes(), str(path)), name, is_package=path.name == "__init__.py")
    return Needed(dict(sorted(modules.items())), frozenset(packages))


def _source(name: str, root: Path) -> Path | None:
    path = root.joinpath(*name.split("."))
    for candidate in (path / "__init__.py", path.with_suffix(".py")):
        if candidate.is_file():
            return candidate
    return None


def _packages_around(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def _imported(tree: ast.AST, importer: str, *, is_package: bool) -> Iterator[str]:
    """Yield every name that may be a module; what is none has no source and is a name inside of one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, importer, is_package=is_package)
            yield base
            yield from _below(base, (alias.name for alias in node.names))


def _below(base: str, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        yield f"{base}.{name}"


def _absolute(node: ast.ImportFrom, importer: str, *, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = importer.split(".")
    kept = parts[: len(parts) - node.level + is_package]
    return ".".join([*kept, *filter(None, [node.module])])
