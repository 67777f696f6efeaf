"""Our console scripts, each in a process of its own that is forked from one that has imported the libraries already.

Importing MLflow and ZenML takes most of the time of a short command, so the suite does it once and not for every command. The process
that is forked has none of our modules and no configuration; the sleeping threads of its libraries (jemalloc's, one of Polars) stay behind.
As they are installed, by a shell, the scripts run in the tests of the guide's examples and of the README.
"""

import atexit
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import entry_points
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

SCRIPTS = {"stackhouse", "prepare_data", "train_model", "register_model", "validate_model"}
_PATH = [*sys.path]
"""Before any test: MLflow puts the code of a model that it loads first, and a process that is forked would find that in place of ours."""
_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(["mlflow", "sklearn.metrics", "xgboost", "lightgbm", "zenml.client", "zenml.zen_stores.sql_zen_store"])


def start(words: tuple[str, ...], cwd: Path, environment: Mapping[str, str], output: Path = Path(os.devnull)) -> BaseProcess:
    """Start a script with these words, the name of the script first; what it says goes to the files `output` and `output.errors`."""
    errors = output if output == Path(os.devnull) else output.with_suffix(".errors")
    process = _CONTEXT.Process(target=_enter, args=(words, _PATH, str(cwd), dict(environment), str(output), str(errors)))
    process.start()
    return process


def run(words: tuple[str, ...], cwd: Path, environment: Mapping[str, str], timeout: float) -> "subprocess.CompletedProcess[str]":
    """Run a script to its end.

    Raises:
        subprocess.TimeoutExpired: where it takes longer than so many seconds; it is killed then.
    """
    with TemporaryDirectory() as folder:
        output = Path(folder, "told")
        process = start(words, cwd, environment, output)
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(words, timeout, output.read_bytes(), output.with_suffix(".errors").read_bytes())
        told = [path.read_text(encoding="utf-8") for path in (output, output.with_suffix(".errors"))]
    return subprocess.CompletedProcess(words, process.exitcode, *told)


def _enter(words: tuple[str, ...], imports: list[str], cwd: str, environment: dict[str, str], output: str, errors: str) -> None:
    """Become the script: its streams, environment, folder and words, and what a process does at its end."""
    sys.path[:] = imports
    for descriptor, path in enumerate((os.devnull, output, errors)):
        opened = os.open(path, os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    sys.argv = [*words]
    (script,) = entry_points(group="console_scripts", name=words[0])
    try:
        script.load()()
    finally:
        atexit._run_exitfuncs()
