"""The commit that the project's code is at."""

import subprocess

from stacks.home import PROJECT


def git_sha() -> str:
    """Return the commit's SHA, with `-dirty` where files differ from it; `unknown` outside a git checkout."""
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
