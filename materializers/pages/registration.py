"""The pages of a registered version: its registration and its checks."""

from materializers.pages.layout import facts, page, section, statement, table
from materializers.pages.verdict import passed
from stackhouse.record import Registration, ValidationReport


def registration_page(report: Registration) -> str:
    """Show the version that the registry holds, or why there is none."""
    if report.version is None:
        claim = statement("NOT REGISTERED", "quiet", report.reason)
    else:
        claim = statement(f"Version {report.version}", "good", report.reason)
    state = "no version" if report.version is None else "made by this run" if report.new else "was registered from this run before"
    pointing = {f"alias {alias}": f"version {version}" for alias, version in report.aliases.items()}
    return page("Registration", report.name, claim, facts({"version": state, "run": report.run_id, **pointing}))


def validation_page(report: ValidationReport) -> str:
    """Show each check of the registered version."""
    if not report.checks:
        return page("Model validation", report.name, statement("NOTHING TO CHECK", "quiet", "No version was registered."))
    failed = sum(not check.passed for check in report.checks)
    claim = statement("FAILED", "bad", f"{failed} of {len(report.checks)} checks failed.") if failed else statement("PASSED", "good")
    rows = [(check.name, passed(check.passed), check.detail) for check in report.checks]
    checks = section("Checks", table(("check", "passed", "detail"), rows))
    return page("Model validation", f"{report.name}, version {report.version}", claim, checks)
