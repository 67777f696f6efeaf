"""A model carries the modules that scoring imports: enough of them to score where there is no Stackhouse, and no others."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

from stackhouse.algorithms import Algorithm, GradientBoosting, IsolationForest, LightGBM, RandomForest, XGBoost
from stackhouse.cleaning import CleaningRule
from stackhouse.fitted import FittedModel, ScoringRules
from stackhouse.labels.rules import BinaryLabel
from stackhouse.table import Roles, Table
from stacks.home import PROJECT
from stacks.scoring_code import copy_scoring_code, scoring_modules

SCORE = """
import sys
sys.path.insert(0, sys.argv[1])
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder)]

import pandas as pd
from stackhouse.scoring import _load_pyfunc

rows = pd.DataFrame({"x": [1.0, -1.0], "z": [0.0, 0.5]})
for model in sys.argv[2:]:
    print([int(answer) for answer in _load_pyfunc(model).predict(rows)])
print(*[module.__file__ for name, module in sys.modules.items() if name.partition(".")[0] == "stackhouse"])
"""
"""Scores in a process that finds no Stackhouse but the one in the folder."""

ALGORITHMS = [
    XGBoost(n_estimators=5),
    LightGBM(n_estimators=5),
    GradientBoosting(n_estimators=5),
    RandomForest(n_estimators=5),
    IsolationForest(n_estimators=5),
]


def fitted(algorithm: Algorithm) -> FittedModel:
    generator = np.random.default_rng(3)
    x, z = generator.normal(size=200), generator.normal(size=200)
    table = Table.of(pl.DataFrame({"x": x, "z": z, "y": (x > 0).astype(int)}), Roles(features=("x", "z"), label="y"))
    return FittedModel.fit(
        table, ScoringRules(algorithm=algorithm, features=("x", "z"), cleaning=CleaningRule(), label=BinaryLabel(source="y"))
    )


def test_modules_are_those_that_scoring_imports_and_their_packages() -> None:
    found = scoring_modules()
    assert {"stackhouse", "stackhouse.scoring", "stackhouse.fitted", "stackhouse.tasks", "stackhouse.tasks.binary"} <= set(found)
    assert [name for name in found if name.startswith(("stackhouse.spec", "stackhouse.features", "stackhouse.promotion"))] == []
    assert found["stackhouse.tasks"] == PROJECT / "stackhouse" / "tasks" / "__init__.py"
    assert len(found) < 40


def test_an_import_within_a_function_counts_and_a_name_of_a_module_does_not(tmp_path: Path) -> None:
    core = tmp_path / "stackhouse"
    core.mkdir()
    for name, content in {
        "__init__": "",
        "scoring": "import numpy\nfrom stackhouse import early\nfrom stackhouse.early import NAME\n",
        "early": "NAME = 1\ndef work():\n    import stackhouse.late\n",
        "late": "",
        "apart": "import stackhouse.scoring\n",
    }.items():
        (core / f"{name}.py").write_text(content)
    assert sorted(scoring_modules(tmp_path)) == ["stackhouse", "stackhouse.early", "stackhouse.late", "stackhouse.scoring"]
    assert sorted(file.name for file in copy_scoring_code(tmp_path / "copy", tmp_path).iterdir()) == [
        "__init__.py",
        "early.py",
        "late.py",
        "scoring.py",
    ]


def test_models_are_scored_by_the_code_that_they_carry_alone(tmp_path: Path) -> None:
    copy_scoring_code(tmp_path / "code")
    models = {tmp_path / algorithm.kind: fitted(algorithm) for algorithm in ALGORITHMS}
    for folder, model in models.items():
        (folder / "stackhouse").mkdir(parents=True)
        model.save(folder / "stackhouse")
    command = [sys.executable, "-c", SCORE, str(tmp_path / "code"), *map(str, models)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    *answers, files = done.stdout.splitlines()
    rows = pd.DataFrame({"x": [1.0, -1.0], "z": [0.0, 0.5]})
    assert answers == [str([int(answer) for answer in model.answer(model.scores(rows))]) for model in models.values()]
    assert {Path(file).is_relative_to(tmp_path / "code") for file in files.split()} == {True}
