"""The commit that the project's code is at."""

import os
import subprocess

from stacks.home import PROJECT

GIT_SHA = "STACKHOUSE_GIT_SHA"
"""Where the code runs without its repository, this variable says which commit it was made of."""


def git_sha() -> str:
    """Return the commit's SHA, with `-dirty` where files differ from it; `unknown` outside a git checkout."""
    if told := os.environ.get(GIT_SHA):
        return told
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude", "*"],  # noqa: S607 - the user's own git
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return answer.stdout.strip()
