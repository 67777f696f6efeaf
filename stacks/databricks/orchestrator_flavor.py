"""The `stackhouse_databricks` orchestrator flavor: ZenML's Databricks flavor and the settings that ours adds.

Every ZenML process imports flavors, so the SDK is not imported here.
"""

from typing import Any, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator
from zenml.integrations.databricks.flavors.databricks_orchestrator_flavor import (
    DatabricksOrchestratorConfig,
    DatabricksOrchestratorFlavor,
    DatabricksOrchestratorSettings,
)
from zenml.utils.secret_utils import SecretField, is_secret_reference

from stackhouse.environments import AlertAddress
from stacks.databricks.pins import require_pin

FLAVOR = "stackhouse_databricks"

DataSecurityMode = Literal[
    "DATA_SECURITY_MODE_AUTO", "DATA_SECURITY_MODE_DEDICATED", "DATA_SECURITY_MODE_STANDARD", "SINGLE_USER", "USER_ISOLATION", "NONE"
]


class JobSettings(DatabricksOrchestratorSettings):
    """Settings of a job, for the stack or for one pipeline: `settings: orchestrator: …` in a model file."""

    compute: Literal["job_cluster", "serverless"] = Field("job_cluster", description="A cluster for the job, or serverless compute.")
    environment_version: str = Field("3", description="Version of the serverless environment, which decides its Python.")
    data_security_mode: DataSecurityMode = Field("SINGLE_USER", description="Access mode of the cluster; Unity Catalog needs one.")
    num_workers: int | None = Field(0, ge=0, description="Workers beside the driver; with 0 the driver does everything.")
    libraries: list[str] = Field(default_factory=list, description="Further libraries for every task, each an exact pin `name==version`.")
    synchronous: bool = Field(True, description="Wait for the run, show its progress, and fail where it fails.")
    poll_seconds: float = Field(5.0, gt=0, le=300, description="How often a run that is waited for is looked at.")
    start_timeout_seconds: int = Field(1800, ge=1, description="How long compute may take to start before the run is cancelled.")
    alert_address: AlertAddress = Field("", description="Whom Databricks tells by e-mail where the job fails; nobody where empty.")
    retention_days: int = Field(14, ge=0, description="How long jobs that have ended, their wheels and secrets are kept; 0: not at all.")

    @field_validator("libraries")
    @classmethod
    def _pins(cls, libraries: list[str]) -> list[str]:
        return [require_pin(library) for library in libraries]


class OrchestratorConfig(JobSettings, DatabricksOrchestratorConfig):
    """The workspace, and what every job of the stack has in common.

    Without `token` or a service principal the SDK's own ways of authentication decide.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    token: str | None = SecretField(default=None)
    """A reference to a ZenML secret, `{{secret.key}}`."""

    secret_scope: str = "stackhouse"  # noqa: S105 - the name of a scope
    """Secret scope of the workspace that holds what a job needs to reach the ZenML server. It has to exist."""

    folder: str = "/Workspace/Shared/.stackhouse"
    """Workspace folder for the wheels and pins of jobs."""

    @model_validator(mode="before")
    @classmethod
    def _no_clear_text(cls, values: Any) -> Any:
        for name in ("token", "client_secret"):
            if isinstance(values, dict) and values.get(name) and not is_secret_reference(values[name]):
                raise ValueError(f"{name} must not stand here in clear text: name a ZenML secret, {{{{secret.key}}}}")
        return values

    @property
    def is_synchronous(self) -> bool:
        """Whether a run is waited for."""
        return self.synchronous

    @property
    def handles_step_retries(self) -> bool:
        """Retries are those of the job's tasks: ZenML does not try a step again within one."""
        return True


class OrchestratorFlavor(DatabricksOrchestratorFlavor):
    """Flavor of our Databricks orchestrator."""

    @property
    def name(self) -> str:
        """Name of the flavor."""
        return FLAVOR

    @property
    def config_class(self) -> type[OrchestratorConfig]:
        """Class of the configuration."""
        return OrchestratorConfig

    @property
    def implementation_class(self) -> type:
        """Class of the component; imported here, since it imports the SDK."""
        from stacks.databricks.orchestrator import Orchestrator

        return Orchestrator
