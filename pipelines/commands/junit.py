"""Checks as JUnit XML, which CI servers show."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from pipelines.core.checks import Check, failed
from pipelines.core.wording import visible


def junit_xml(name: str, checks: Sequence[Check]) -> str:
    """One suite, a test case a check; a failure names up to twenty of what was found."""
    bad = failed(tuple(checks))
    suite = ElementTree.Element(
        "testsuite",
        name=f"pgfold {name}",
        tests=str(len(checks)),
        failures=str(len(bad)),
        errors="0",
        time=f"{sum(check.took_s for check in checks):.3f}",
    )
    for check in checks:
        case = ElementTree.SubElement(suite, "testcase", classname=f"pgfold.{name}", name=check.name)
        case.set("time", f"{check.took_s:.3f}")
        if check in bad:
            failure = ElementTree.SubElement(case, "failure", message=visible(check.sentence))
            failure.text = "\n".join(visible(detail) for detail in check.details)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"
