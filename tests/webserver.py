"""The Dagster UI as its own pages use it: GraphQL over HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

ENDED = {"SUCCESS", "FAILURE", "CANCELED"}
_TIMEOUT_S = 90
_POLL_S = 0.05

LAUNCH = """
mutation Launch($selector: JobOrPipelineSelector!, $config: RunConfigData, $steps: [String!]) {
  launchRun(executionParams: {selector: $selector, runConfigData: $config, stepKeys: $steps}) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on PythonError { message }
  }
}
"""
REEXECUTE = """
mutation Again($parent: String!, $strategy: ReexecutionStrategy!) {
  launchRunReexecution(reexecutionParams: {parentRunId: $parent, strategy: $strategy}) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""
STATUS = "query Status($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"
STEPS = """
query Steps($run: ID!) {
  runOrError(runId: $run) { ... on Run { stepStats { stepKey status } } }
}
"""
LOGS = """
query Logs($run: ID!) {
  logsForRun(runId: $run) {
    ... on EventConnection { events { __typename ... on MessageEvent { message stepKey }
      ... on ExecutionStepFailureEvent { error { message } } } }
  }
}
"""
CHECKS = """
query Checks($asset: AssetKeyInput!) {
  assetNodeOrError(assetKey: $asset) {
    ... on AssetNode { assetChecksOrError { ... on AssetChecks { checks {
      name executionForLatestMaterialization { status evaluation { success severity description } } } } } }
  }
}
"""


@dataclass(frozen=True, slots=True)
class Webserver:
    """One that runs at `address`, for the code location `pgfold`."""

    address: str

    def ask(self, query: str, **variables: object) -> Any:
        """The `data` of an answer; an error of GraphQL fails the test."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = Request(f"{self.address}/graphql", body, {"Content-Type": "application/json"})
        with urlopen(request, timeout=_TIMEOUT_S) as answer:
            answered = json.load(answer)
        assert "errors" not in answered, answered["errors"]
        return answered["data"]

    def launch(self, job: str, config: Mapping[str, object] | None = None) -> str:
        """Launch a job as the Launchpad does; the run's id."""
        selector = {"repositoryLocationName": "pgfold", "repositoryName": "__repository__", "pipelineName": job}
        return _run_id(self.ask(LAUNCH, selector=selector, config=dict(config or {}))["launchRun"])

    def refused_launch(self, job: str, assets: Sequence[Sequence[str]] = ()) -> list[str]:
        """What the Launchpad says against a launch without configuration."""
        selector = {
            "repositoryLocationName": "pgfold",
            "repositoryName": "__repository__",
            "pipelineName": job,
            "assetSelection": [{"path": list(path)} for path in assets],
        }
        answer = self.ask(LAUNCH, selector=selector, config={})["launchRun"]
        assert answer["__typename"] == "RunConfigValidationInvalid", answer
        return [str(error["message"]) for error in answer["errors"]]

    def execute_again(self, run_id: str, strategy: str = "FROM_FAILURE") -> str:
        """The UI's re-execution; the new run's id."""
        return _run_id(self.ask(REEXECUTE, parent=run_id, strategy=strategy)["launchRunReexecution"])

    def wait(self, run_id: str) -> str:
        """How the run ended."""
        deadline = time.monotonic() + _TIMEOUT_S
        while (status := str(self.ask(STATUS, run=run_id)["runOrError"]["status"])) not in ENDED:
            assert time.monotonic() < deadline, f"run {run_id} is {status} after {_TIMEOUT_S} s"
            time.sleep(_POLL_S)
        return status

    def steps(self, run_id: str) -> dict[str, str]:
        """How each step of a run ended, by its key; steps that did not start are left out."""
        stats = self.ask(STEPS, run=run_id)["runOrError"]["stepStats"]
        return {str(step["stepKey"]): str(step["status"]) for step in stats if step["status"]}

    def log(self, run_id: str) -> str:
        """Every message of a run, for a failed test to show."""
        events = self.ask(LOGS, run=run_id)["logsForRun"]["events"]
        return "\n".join(f"{e['__typename']} {e.get('stepKey')} {e.get('message')} {e.get('error')}" for e in events)

    def checks(self, *asset: str) -> dict[str, dict[str, Any]]:
        """The latest answer of each check of an asset; those never asked are left out."""
        found = self.ask(CHECKS, asset={"path": list(asset)})["assetNodeOrError"]["assetChecksOrError"]["checks"]
        latest = {check["name"]: check["executionForLatestMaterialization"] for check in found}
        return {name: run["evaluation"] for name, run in latest.items() if run and run["evaluation"]}


def _run_id(answer: Any) -> str:
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return str(answer["run"]["runId"])
