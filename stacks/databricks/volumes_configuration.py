"""The configuration of the `unity_catalog_volumes` artifact store."""

from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, field_validator
from zenml.artifact_stores import BaseArtifactStoreConfig
from zenml.utils.secret_utils import SecretField

from stacks.databricks.volumes_paths import SCHEME, StoreRoot


class VolumesArtifactStoreConfig(BaseArtifactStoreConfig):
    """Which volume, and what opens it.

    Without `token` or a service principal the SDK's own ways of authentication decide.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    SUPPORTED_SCHEMES: ClassVar[set[str]] = {SCHEME}
    IS_IMMUTABLE_FILESYSTEM: ClassVar[bool] = True
    """The Files API cannot append. ZenML then writes each batch of log lines to a file of its own and joins them at the end, instead of
    appending to one, which would mean to read and write the whole log for each batch."""

    path: str = Field(description="Root of the store: uc://catalog/schema/volume, or a folder below it.")
    host: str = Field(description="Address of the workspace, https://….")
    token: str | None = SecretField(default=None, repr=False, description="A token, or a reference to a ZenML secret, {{secret.key}}.")
    client_id: str | None = SecretField(default=None, repr=False, description="Id of a service principal, instead of a token.")
    client_secret: str | None = SecretField(default=None, repr=False, description="Secret of the service principal.")
    mount: str = Field("/Volumes", description="Where volumes are mounted. Used where the folder of this volume is there, as on a cluster.")

    @field_validator("path")
    @classmethod
    def _in_a_volume(cls, path: str) -> str:
        StoreRoot.parse(path)
        return path

    @field_validator("host")
    @classmethod
    def _safe_address(cls, host: str) -> str:
        address = urlsplit(host if "://" in host else f"https://{host}")
        if address.scheme not in {"https", "http"} or not address.hostname or address.username or address.query or address.path.strip("/"):
            raise ValueError("host is not the address of a workspace: give https://NAME, without a path")
        if address.scheme == "http" and address.hostname not in {"127.0.0.1", "localhost", "::1"}:
            raise ValueError("host is a plain http:// address: the token would be readable on its way. Give https://NAME")
        return host
