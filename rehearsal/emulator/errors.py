"""Errors as the workspace's APIs answer them: a status, an error code and a message."""

from typing import Self


class ApiError(Exception):
    """An answer other than 200. The SDK and the MLflow client choose their own exceptions by status and code."""

    def __init__(self, status: int, error_code: str, message: str) -> None:
        """Take the HTTP status, the code as Databricks spells it, and the message."""
        super().__init__(message)
        self.status, self.error_code, self.message = status, error_code, message

    @classmethod
    def missing(cls, what: str) -> Self:
        """Something that is named does not exist."""
        return cls(404, "RESOURCE_DOES_NOT_EXIST", f"{what} does not exist.")

    @classmethod
    def exists(cls, what: str) -> Self:
        """Something that is to be created is there already."""
        return cls(400, "RESOURCE_ALREADY_EXISTS", f"{what} already exists.")

    @classmethod
    def invalid(cls, message: str) -> Self:
        """A parameter is wrong."""
        return cls(400, "INVALID_PARAMETER_VALUE", message)

    @classmethod
    def denied(cls, message: str) -> Self:
        """The caller may not do this."""
        return cls(403, "PERMISSION_DENIED", message)

    @classmethod
    def unauthenticated(cls) -> Self:
        """No token, or one that is not known."""
        return cls(401, "UNAUTHENTICATED", "Credential was not sent or was of an unsupported type for this API.")

    @classmethod
    def unknown_route(cls, method: str, path: str) -> Self:
        """There is no such route here."""
        return cls(404, "ENDPOINT_NOT_FOUND", f"No API found for '{method} {path}'")

    @property
    def body(self) -> dict[str, str]:
        """The JSON of the answer."""
        return {"error_code": self.error_code, "message": self.message}
