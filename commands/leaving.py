"""How a console script ends: with the command's own code, or with the documented one of the error that stopped it."""

import sys
from pathlib import Path

from cyclopts import App

from stackhouse.errors import InfrastructureError, StackhouseError
from stackhouse.passwords import without_userinfo
from stacks.home import home


def _require_folder() -> None:
    try:
        Path.cwd()
    except FileNotFoundError:
        raise InfrastructureError("The current folder is gone. Change to one that is there; nothing was read or written.") from None


def leave(app: App) -> None:
    """Run the app and leave; our own errors are printed without a traceback and leave with their documented code."""
    from commands import settings

    settings.apply()
    try:
        _require_folder()
        sys.exit(app(result_action="return_value") or 0)
    except StackhouseError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - exit code 1 is a verdict, so no crash may leave with it
        print(f"error: {type(error).__name__}: {without_userinfo(str(error))}\nThe whole log is in {home() / 'logs'}.", file=sys.stderr)  # noqa: T201
        sys.exit(InfrastructureError.exit_code)
