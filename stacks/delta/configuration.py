"""The configuration of the `delta` feature store, and the storage options that follow from it and from the environment."""

import os
import re
from typing import Any, Self

from pydantic import ConfigDict, model_validator
from zenml.feature_stores.base_feature_store import BaseFeatureStoreConfig
from zenml.utils.secret_utils import SecretField, is_secret_reference

from stacks.delta.location import PATIENCE, SECRETS
from stacks.engines import ENGINES

_FROM_ENVIRONMENT = ("AWS_REGION", "AWS_ENDPOINT_URL", *SECRETS)


class DeltaFeatureStoreConfig(BaseFeatureStoreConfig):
    """Where the tables are and which engine opens them.

    Credentials for S3 come from the standard AWS_* variables of the environment, or from a ZenML secret that is named here.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    path: str
    """Folder that holds catalog/schema/table, or `s3://bucket/prefix`."""

    shared: bool = False
    """Whether the folder is mounted by every machine of the stack, under this same path; a remote orchestrator takes no other."""

    engine: str = ENGINES[0]
    """What opens the tables: polars, duckdb, pandas or spark."""

    endpoint_url: str | None = None
    """Address of an S3 server that is not Amazon's; AWS_ENDPOINT_URL of the environment where none is given."""

    region: str | None = None
    """Region of the bucket; AWS_REGION or AWS_DEFAULT_REGION of the environment where none is given."""

    access_key_id: str | None = SecretField(default=None)
    """A reference to a ZenML secret, `{{secret.key}}`."""

    secret_access_key: str | None = SecretField(default=None)
    """A reference to a ZenML secret, `{{secret.key}}`."""

    @model_validator(mode="before")
    @classmethod
    def _no_clear_text(cls, values: Any) -> Any:
        for name in ("access_key_id", "secret_access_key"):
            if isinstance(values, dict) and values.get(name) and not is_secret_reference(values[name]):
                raise ValueError(
                    f"{name} must not stand here in clear text: name a ZenML secret, {{{{secret.key}}}}, or set AWS_* variables"
                )
        return values

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.engine not in ENGINES:
            raise ValueError(f"there is no engine '{self.engine}'; there are {', '.join(ENGINES)}")
        if "://" in self.path and not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?", self.path):
            raise ValueError(f"'{self.path}' is no folder and no s3://bucket/prefix")
        return self

    @property
    def is_local(self) -> bool:
        """Whether this is a folder of this machine alone: remote orchestrators must not be given one."""
        return "://" not in self.path and not self.shared

    def storage_options(self) -> dict[str, str]:
        """Return what opens the bucket, credentials included; nothing for a folder."""
        if "://" not in self.path:
            return {}
        region = os.environ.get("AWS_DEFAULT_REGION", "us-east-1")
        options = {"AWS_REGION": region} | {name: os.environ[name] for name in _FROM_ENVIRONMENT if os.environ.get(name)}
        if self.access_key_id and self.secret_access_key:
            options = {name: value for name, value in options.items() if name not in SECRETS}
            options |= {"AWS_ACCESS_KEY_ID": self.access_key_id, "AWS_SECRET_ACCESS_KEY": self.secret_access_key}
        options |= {"AWS_REGION": self.region} if self.region else {}
        options |= {"AWS_ENDPOINT_URL": self.endpoint_url} if self.endpoint_url else {}
        if options.get("AWS_ENDPOINT_URL", "").startswith("http://"):
            options["AWS_ALLOW_HTTP"] = "true"
        return options | PATIENCE
