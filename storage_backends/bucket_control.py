"""What obstore cannot ask of an S3 service: versions of objects, and Object Lock. botocore has its one home here.

Loading botocore and its description of S3 takes 0.4 s, so that this module is loaded by `storage_backends.versions`
when it is first needed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]
from botocore.session import get_session  # type: ignore[import-untyped]

from storage_backends.access import REQUESTS_AT_ONCE, Access
from storage_backends.errors import BlobLocked, BlobNotFound, StoreUnavailable
from storage_backends.versions import ObjectVersion, Protection

_CONNECT_S: Final = 5
_CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""A lock that ended less than this ago by the clock here may be why the service refused."""
_ATTEMPTS: Final = 4
_NOT_IMPLEMENTED: Final = (405, 501)
_MISSING: Final = ("NoSuchKey", "NoSuchVersion", "404")
_NOT_SET: Final = (
    "ObjectLockConfigurationNotFoundError",
    "NoSuchObjectLockConfiguration",
    "NoSuchObjectLegalHold",
    "InvalidRequest",
)
_REFUSED: Final = ("AccessDenied", "ObjectLocked")


class Control:
    """The versions and locks of one bucket; safe to use from several threads."""

    def __init__(self, bucket: str, access: Access) -> None:
        """Make the client; the bucket is not asked yet."""
        self.bucket = bucket
        config = Config(
            connect_timeout=min(_CONNECT_S, access.timeout_s),
            read_timeout=access.timeout_s,
            retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
            max_pool_connections=REQUESTS_AT_ONCE,
            s3={"addressing_style": "path" if access.endpoint else "auto"},
            request_checksum_calculation="when_required",
        )
        given = {"endpoint_url": access.endpoint, "region_name": access.region, **access.credentials}
        with _translated("reach the bucket"):
            session = get_session()
            if not (access.region or session.get_config_variable("region")):
                given["region_name"] = "us-east-1"
            self._client = session.create_client("s3", config=config, **{k: v for k, v in given.items() if v})

    def keeps_versions(self) -> bool:
        """Tell whether what is replaced or deleted in the bucket stays as an older version."""
        try:
            return bool(self._client.get_bucket_versioning(Bucket=self.bucket).get("Status"))
        except ClientError as exc:
            if _status(exc) in _NOT_IMPLEMENTED:
                return False
            raise _unavailable(exc, "ask whether the bucket keeps versions (s3:GetBucketVersioning)") from exc
        except BotoCoreError as exc:
            raise _unavailable(exc, "ask whether the bucket keeps versions") from exc

    def versions(self, path: str) -> Iterator[ObjectVersion]:
        """Yield every version and delete marker of one object, the latest first."""
        asked: dict[str, Any] = {"Bucket": self.bucket, "Prefix": path}
        while True:
            with _translated(f"list the versions of {path}"):
                page = self._client.list_object_versions(**asked)
            found = [
                ObjectVersion(each["VersionId"], False) for each in page.get("Versions", ()) if each["Key"] == path
            ]
            marks = [
                ObjectVersion(each["VersionId"], True) for each in page.get("DeleteMarkers", ()) if each["Key"] == path
            ]
            yield from found
            yield from marks
            if not page.get("IsTruncated"):
                return
            asked |= {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}

    def delete(self, path: str, version: str) -> None:
        """Delete one version of an object for good.

        Raises:
            BlobLocked: its lock refuses that.
        """
        try:
            self._client.delete_object(Bucket=self.bucket, Key=path, VersionId=version)
        except ClientError as exc:
            if _code(exc) not in _REFUSED:
                raise _unavailable(exc, f"delete a version of {path}") from exc
            protection = self.protection(path, version)
            if not protection.holds_at(datetime.now(UTC) - _CLOCKS_DIFFER):
                raise _unavailable(exc, f"delete a version of {path}") from exc
            raise BlobLocked(f"{path} is {protection} in its bucket", protection.until) from exc
        except BotoCoreError as exc:
            raise _unavailable(exc, f"delete a version of {path}") from exc

    def protect(self, path: str, mode: str, until: datetime) -> None:
        """Lock the latest version of an object until a time, which may not be sooner than that of the lock it has."""
        with _translated(f"lock {path}"):
            retention = {"Mode": mode.upper(), "RetainUntilDate": until}
            self._client.put_object_retention(Bucket=self.bucket, Key=path, Retention=retention)

    def hold(self, path: str, *, is_held: bool) -> None:
        """Set or take away the legal hold of the latest version of an object."""
        with _translated(f"set the legal hold of {path}"):
            state = {"Status": "ON" if is_held else "OFF"}
            self._client.put_object_legal_hold(Bucket=self.bucket, Key=path, LegalHold=state)

    def protection(self, path: str, version: str | None = None) -> Protection:
        """Return how an object is locked, its latest version if none is named."""
        which = {"Bucket": self.bucket, "Key": path} | ({"VersionId": version} if version else {})
        retention = self._asked("get_object_retention", which).get("Retention", {})
        held = self._asked("get_object_legal_hold", which).get("LegalHold", {})
        return Protection(retention.get("RetainUntilDate"), held.get("Status") == "ON")

    def _asked(self, question: str, which: dict[str, str]) -> dict[str, Any]:
        """Ask for something that an object, or the bucket, may not have; an empty answer if so."""
        what = which.get("Key", "the bucket")
        try:
            return dict(getattr(self._client, question)(**which))
        except ClientError as exc:
            if _code(exc) in _NOT_SET:
                return {}
            if _code(exc) in _MISSING:
                raise BlobNotFound(f"{_code(exc)}: there is no {what}") from exc
            raise _unavailable(exc, f"ask how {what} is locked") from exc
        except BotoCoreError as exc:
            raise _unavailable(exc, f"ask how {what} is locked") from exc

    def has_lock(self) -> bool:
        """Tell whether the bucket has Object Lock."""
        asked = self._asked("get_object_lock_configuration", {"Bucket": self.bucket})
        return bool(asked.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled")


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    """Turn what botocore raises into an error of ours.

    Raises:
        BlobNotFound, StoreUnavailable: says what could not be done, and the gist of why.
    """
    try:
        yield
    except ClientError as exc:
        if _code(exc) in _MISSING:
            raise BlobNotFound(f"{_code(exc)}: cannot {doing}") from exc
        raise _unavailable(exc, doing) from exc
    except BotoCoreError as exc:
        raise _unavailable(exc, doing) from exc


def _unavailable(exc: Exception, doing: str) -> StoreUnavailable:
    reason = f"{_status(exc)} {_code(exc)}" if isinstance(exc, ClientError) else type(exc).__name__
    return StoreUnavailable(f"{reason}: cannot {doing}")


def _code(exc: Any) -> str:
    return str(exc.response.get("Error", {}).get("Code", ""))


def _status(exc: Any) -> int:
    return int(exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
