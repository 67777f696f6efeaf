"""Checks inside the workspace: who the caller is, clocks, compute, secrets, folders, the volume."""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath
from typing import Any
from uuid import uuid4

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound, PermissionDenied
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.workspace import ObjectType

from stackhouse.findings import Finding
from stacks.databricks.doctor_grants import Caller, grants, wanted
from stacks.databricks.doctor_here import Need
from stacks.databricks.doctor_stack import ExaminedStack
from stacks.databricks.orchestrator_flavor import OrchestratorConfig
from stacks.databricks.runtimes import DEFAULT_RUNTIME, NODE_TYPES, cloud_of

SKEW_WARNING, SKEW_FAILURE = timedelta(minutes=1), timedelta(minutes=5)

PROBE = b"stackhouse doctor"

_NODE_TYPE_OF = {
    "azure": re.compile(r"(Standard|Basic)_\w+"),
    "gcp": re.compile(r"[a-z]+\d[a-z]?-\w+-\d+.*"),
    "aws": re.compile(r"[a-z]+\d+[a-z-]*\.\w+"),
}
"""What names of node types look like on each cloud."""


@dataclass(frozen=True)
class Visit:
    """A workspace that the caller is signed in to."""

    client: WorkspaceClient
    caller: Caller
    stack: ExaminedStack
    settings: OrchestratorConfig
    needs: Sequence[Need]
    skew: timedelta
    """By how much the workspace's clock is ahead of this machine's."""


def me(client: WorkspaceClient) -> tuple[Mapping[str, Any], datetime | None]:
    """Return the caller's record, and what time it is in the workspace."""
    answer: Any = client.api_client.do("GET", "/api/2.0/preview/scim/v2/Me", response_headers=["date"])
    record = answer if isinstance(answer, dict) else {}
    date = record.get("date")
    return record, parsedate_to_datetime(date) if date else None


def caller_of(record: Mapping[str, Any]) -> Caller:
    """Return name and groups of a SCIM record.

    >>> caller_of({"userName": "ann@example.com", "groups": [{"display": "ml", "value": "1"}]}).groups
    frozenset({'ml'})
    """
    return Caller(str(record["userName"]), frozenset(str(group["display"]) for group in record.get("groups", []) if group.get("display")))


def clock(visit: Visit) -> Iterator[Finding]:
    """Both clocks agree, since tokens and signed addresses hold for minutes."""
    yield judge_skew(visit.skew)


def judge_skew(skew: timedelta) -> Finding:
    """Judge by how much the workspace's clock is ahead of ours."""
    apart = abs(skew)
    found = f"this machine is {apart.total_seconds():.0f} s {'behind' if skew > timedelta() else 'ahead of'} the workspace"
    remedy = "Set this machine's clock, best by NTP: tokens and signed addresses hold for minutes only."
    if apart > SKEW_FAILURE:
        return Finding.failed(found, remedy)
    return Finding.warning(found, remedy) if apart > SKEW_WARNING else Finding.ok("this machine and the workspace agree")


def runtime(visit: Visit) -> Iterator[Finding]:
    """The workspace has the runtime."""
    if visit.settings.compute == "serverless":
        yield Finding.ok("serverless compute has no runtime to choose")
        return
    asked = visit.settings.spark_version or DEFAULT_RUNTIME
    listed = [version.key for version in visit.client.clusters.spark_versions().versions or [] if version.key]
    if asked in listed:
        yield Finding.ok(asked)
    else:
        plain = sorted((key for key in listed if re.fullmatch(r"[\d.]+x-scala[\d.]+", key)), reverse=True)
        yield Finding.failed(f"the workspace has no runtime '{asked}'", f"Set spark_version to one that it has: {', '.join(plain[:6])}.")


def node_types(visit: Visit) -> Iterator[Finding]:
    """The workspace has the node types, which differ from cloud to cloud."""
    if visit.settings.compute == "serverless":
        yield Finding.ok("serverless compute has no node type to choose")
        return
    cloud = cloud_of(visit.stack.host)
    listed = {one.node_type_id: bool(one.is_deprecated) for one in visit.client.clusters.list_node_types().node_types or []}
    asked = [visit.settings.node_type_id or NODE_TYPES[cloud], visit.settings.driver_node_type_id]
    for name in dict.fromkeys(filter(None, asked)):
        yield judge_node_type(name, listed)


def judge_node_type(name: str, listed: Mapping[str, bool]) -> Finding:
    """Judge a node type by those of the workspace; `listed` says of each whether it is deprecated."""
    if name not in listed:
        elsewhere = [cloud for cloud, pattern in _NODE_TYPE_OF.items() if pattern.fullmatch(name)]
        here = {cloud for one in listed for cloud, pattern in _NODE_TYPE_OF.items() if pattern.fullmatch(one)}
        hint = f"; it looks like one of {elsewhere[0]}" if elsewhere and elsewhere[0] not in here else ""
        return Finding.failed(
            f"the workspace has no node type '{name}'{hint}", f"Set node_type_id to one that it has, e.g. {', '.join(sorted(listed)[:4])}."
        )
    if listed[name]:
        return Finding.warning(f"node type '{name}' is deprecated", "Choose another node_type_id before it is gone.")
    return Finding.ok(name)


def policy(visit: Visit) -> Iterator[Finding]:
    """The cluster policy exists and may be used."""
    asked = visit.settings.policy_id
    policies = {one.policy_id: one.name for one in visit.client.cluster_policies.list()}
    known = ", ".join(f"{name} ({key})" for key, name in policies.items()) or "none"
    if asked and asked in policies:
        yield Finding.ok(f"{policies[asked]} ({asked})")
    elif asked:
        yield Finding.failed(f"there is no policy '{asked}', or {visit.caller.name} may not use it", f"Set policy_id to one of: {known}.")
    elif "Job Compute" in policies.values():
        yield Finding.ok("none is named, 'Job Compute' is used")
    else:
        yield Finding.warning(
            "none is named and there is no 'Job Compute', so a job cluster needs the right to create clusters without a policy",
            f"Set policy_id to one that you may use: {known}.",
        )


def secret_scope(visit: Visit) -> Iterator[Finding]:
    """The scope exists and a job's secrets can be put there; one is written, and removed again."""
    scope, key = visit.settings.secret_scope, f"doctor-{uuid4().hex}"
    try:
        keys = list(visit.client.secrets.list_secrets(scope))
        visit.client.secrets.put_secret(scope, key, string_value="probe")
        visit.client.secrets.delete_secret(scope, key)
    except NotFound:
        yield Finding.failed(f"there is no secret scope '{scope}'", f"Make it: `databricks secrets create-scope {scope}`.")
    except PermissionDenied:
        yield Finding.failed(
            f"{visit.caller.name} may not read and write the secret scope '{scope}'",
            f"Ask its manager: `databricks secrets put-acl {scope} {visit.caller.name} WRITE`.",
        )
    else:
        yield Finding.ok(f"'{scope}' can be written to, {len(keys)} secrets in it")


def unity_catalog(visit: Visit) -> Iterator[Finding]:
    """The caller has the privileges that a run needs on catalogs, schemas, volume, tables and models."""
    models = {need.model: need.file for need in visit.needs} if visit.stack.models_in_catalog else {}
    tables = {table: need.file for need in visit.needs for table in need.tables}
    objects = wanted(visit.stack.volume, models, tables, tables_in_catalog=visit.stack.tables_in_catalog)
    yield from grants(visit.client, visit.caller, objects)


def folders(visit: Visit) -> Iterator[Finding]:
    """The folders of experiments and of jobs can be made: what they lie in is there."""
    experiments = {str(PurePosixPath(need.experiment).parent) for need in visit.needs}
    jobs = str(PurePosixPath(visit.settings.folder).parent)
    for folder in sorted(experiments | {jobs.removeprefix("/Workspace") or "/"}):
        try:
            found = visit.client.workspace.get_status(folder)
        except NotFound:
            yield Finding.failed(f"there is no folder {folder}", f"Make it: `databricks workspace mkdirs {folder}`.")
        except PermissionDenied:
            yield Finding.failed(
                f"{visit.caller.name} may not look into {folder}", "Ask an administrator for CAN EDIT there, or name another folder."
            )
        else:
            is_folder = found.object_type in {ObjectType.DIRECTORY, ObjectType.REPO}
            yield Finding.ok(folder) if is_folder else Finding.failed(f"{folder} is no folder", "Remove or rename it.")


def volume(visit: Visit) -> Iterator[Finding]:
    """A file can be written to the volume, read back and removed."""
    if visit.stack.volume is None:
        yield Finding.not_checked("the artifact store is in no volume")
        return
    path = f"{visit.stack.volume_path}/.stackhouse_doctor_{uuid4().hex}"
    name, files = ".".join(visit.stack.volume), visit.client.files
    try:
        files.upload(path, io.BytesIO(PROBE), overwrite=True)
        contents = files.download(path).contents
        back = contents.read() if contents else b""
    except NotFound:
        yield Finding.failed(f"there is no volume {name}", f"Make it: `CREATE VOLUME {name}`.")
        return
    except PermissionDenied as error:
        yield Finding.failed(f"volume {name} cannot be written to: {said(error)}", "Ask its owner for READ VOLUME and WRITE VOLUME.")
        return
    finally:
        with suppress(DatabricksError):
            files.delete(path)
    if back != PROBE:
        yield Finding.failed(f"volume {name} gave back other bytes than were written", "Try again; if it stays so, use another volume.")
    else:
        yield Finding.ok(f"{visit.stack.volume_path}: {len(PROBE)} bytes written, read and removed")


def said(error: Exception) -> str:
    """The first line of an error, without the configuration that the SDK adds to some."""
    return (str(error).splitlines() or [""])[0].partition(" Config: ")[0].strip()
