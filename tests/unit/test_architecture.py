"""What the core may import, and that its public surface says what it does and what it raises."""

import ast
import doctest
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import stackhouse
from stackhouse import errors

CORE = Path(stackhouse.__file__).parent
FILES = sorted(CORE.rglob("*.py"))
MODULES = [".".join(("stackhouse", *path.relative_to(CORE).with_suffix("").parts)).removesuffix(".__init__") for path in FILES]
ALLOWED = set(sys.stdlib_module_names) | {
    "stackhouse",
    "narwhals",
    "numpy",
    "pandas",
    "polars",
    "pydantic",
    "sklearn",
    "xgboost",
    "lightgbm",
    "optuna",
    "skops",
}
IMPURE = {"os", "time", "random", "socket", "subprocess", "importlib", "logging"}
OURS = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, errors.StackhouseError)}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def imported(path: Path) -> set[str]:
    """Top-level names of all modules that a file imports, those inside functions included."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            names.add("stackhouse" if node.level else str(node.module).split(".")[0])
    return names


def public(path: Path) -> Iterator[tuple[str, Function | ast.ClassDef]]:
    """Public functions and classes of a module, and the public methods of its public classes."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (Function, ast.ClassDef)) and not node.name.startswith("_"):
            yield node.name, node
            for member in node.body if isinstance(node, ast.ClassDef) else []:
                if isinstance(member, Function) and not member.name.startswith("_"):
                    yield f"{node.name}.{member.name}", member


def raised(function: Function) -> set[str]:
    """Names of our errors in the raise statements of a function: `raise E(...)` and `raise E.built(...)`."""
    found = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Raise) and node.exc is not None:
            found |= {name.id for name in ast.walk(node.exc) if isinstance(name, ast.Name) and name.id in OURS}
    return found


def test_the_core_was_found() -> None:
    assert {"stackhouse.table", "stackhouse.features.route_day", "stackhouse.verdict"} <= set(MODULES)


@pytest.mark.parametrize("path", FILES, ids=MODULES)
def test_core_reaches_no_platform(path: Path) -> None:
    outward = {"zenml", "mlflow", "databricks", "pyspark", "stacks", "steps", "materializers", "pipelines", "commands", "benchmarks"}
    assert imported(path) & outward == set()
    assert imported(path) <= ALLOWED


@pytest.mark.parametrize("path", FILES, ids=MODULES)
def test_core_sees_no_clock_environment_or_global_random_state(path: Path) -> None:
    assert imported(path) & IMPURE == set()
    calls = {ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)}
    assert {call for call in calls if call.endswith((".now", ".today", ".utcnow", "random.seed", "random.rand", "random.choice"))} == set()


@pytest.mark.parametrize("path", FILES, ids=MODULES)
def test_every_module_and_everything_public_has_a_docstring(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert [name for name, node in public(path) if not ast.get_docstring(node)] == []


@pytest.mark.parametrize("path", FILES, ids=MODULES)
def test_every_error_that_a_public_function_raises_stands_in_its_docstring(path: Path) -> None:
    functions = ((name, node) for name, node in public(path) if isinstance(node, Function))
    silent = {name: sorted(error for error in raised(node) if error not in (ast.get_docstring(node) or "")) for name, node in functions}
    assert {name: missing for name, missing in silent.items() if missing} == {}


@pytest.mark.parametrize("module", MODULES)
def test_doctests_of_the_core_hold(module: str) -> None:
    assert doctest.testmod(importlib.import_module(module)).failed == 0


def test_some_module_of_the_core_has_doctests() -> None:
    attempted = [doctest.testmod(importlib.import_module(module)).attempted for module in MODULES]
    assert sum(attempted) >= 5


def test_import_of_the_core_loads_no_booster_and_no_platform() -> None:
    names = " ".join(f"import {module};" for module in MODULES)
    heavy = "{'xgboost', 'lightgbm', 'sklearn', 'skops', 'optuna', 'zenml', 'mlflow', 'pyspark'}"
    code = f"import sys; {names} print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
