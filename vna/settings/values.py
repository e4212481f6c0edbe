"""What the values of settings may be; each error says what is allowed."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

_MOST_WORKERS = 32
_BUCKETS = ("s3", "az", "gs")
_STORE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,15}")
_SHORTEST_TOKEN = 16
_TAKEN_NAMES = ("main", "receive")


def parse_ae_title(value: str) -> str:
    """Return an AE title without the spaces around it, which mean nothing (PS3.5 6.2, AE).

    Raises:
        ValueError: it is not 1 to 16 printable ASCII characters, or holds a backslash.
    """
    title = value.strip(" ")
    if not 1 <= len(title) <= 16 or not title.isascii() or not title.isprintable() or "\\" in title:
        raise ValueError("an AE title has 1 to 16 ASCII characters, no backslash and no control characters")
    return title


def parse_further_ae_title(value: str) -> str:
    """Return an AE title, or nothing for none.

    Raises:
        ValueError: it is not empty, and no AE title.
    """
    return parse_ae_title(value) if value.strip() else ""


def parse_uid(value: str) -> str:
    """Return a UID (PS3.5 9.1).

    Raises:
        ValueError: it is none.
    """
    if not 1 <= len(value) <= 64 or not all(part.isdecimal() for part in value.split(".")):
        raise ValueError("a UID has digits and dots, at most 64 characters")
    return value


def parse_index_url(value: str) -> str:
    """Return the address of an index database.

    Raises:
        ValueError: it is none that can be used.
    """
    if value and not value.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        raise ValueError("must be empty, sqlite:///FILE or postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
    return value


def parse_store_url(value: str) -> str:
    """Return the address of a store.

    Raises:
        ValueError: it is none that can be used, or holds credentials.
    """
    parts = urlsplit(value)
    is_bucket = parts.scheme in _BUCKETS and parts.hostname and not parts.query and not parts.fragment
    if value and not value.startswith("file:///") and not is_bucket:
        raise ValueError("must be empty, file:///FOLDER, s3://BUCKET/PREFIX, or the same with az or gs")
    return _without_credentials(value)


def parse_replica(value: str) -> str:
    """Return a replica of the store: the name it is known by for good, and where it lies.

    Raises:
        ValueError: it is not NAME=URL, or cannot be used.
    """
    name, _, url = (part.strip() for part in value.partition("="))
    if not _STORE_NAME.fullmatch(name) or name in _TAKEN_NAMES or not url:
        raise ValueError("must be NAME=URL; a name has 1 to 16 of a-z, 0-9 and -, and is not main or receive")
    return f"{name}={parse_store_url(url)}"


def parse_store_name(value: str) -> str:
    """Return the name of the main store.

    Raises:
        ValueError: it is none.
    """
    if not _STORE_NAME.fullmatch(value) or value == "receive":
        raise ValueError("must have 1 to 16 of a-z, 0-9 and -, and not be receive")
    return value


def named_once(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return NAME=VALUE settings as they are.

    Raises:
        ValueError: two have the same name.
    """
    if len({value.partition("=")[0] for value in values}) < len(values):
        raise ValueError("each needs a name of its own")
    return values


def parse_endpoint(value: str) -> str:
    """Return the address of an object store.

    Raises:
        ValueError: it is none that can be used, or holds credentials.
    """
    if value and not value.startswith(("https://", "http://")):
        raise ValueError("must be empty, https://HOST:PORT or http://HOST:PORT")
    return _without_credentials(value)


def _without_credentials(url: str) -> str:
    if "@" in urlsplit(url).netloc:
        raise ValueError("credentials are no part of it: they come from the environment, AWS_ACCESS_KEY_ID and so on")
    return url


def parse_token(value: str) -> str:
    """Return who may use HTTP: a name, and the secret that proves it.

    Raises:
        ValueError: it is not NAME=TOKEN, the name is that of nobody, or the token is too short to be a secret.
    """
    name, _, token = (part.strip() for part in value.partition("="))
    if name == "anonymous":
        raise ValueError("the name anonymous is for who comes without a token")
    if not _STORE_NAME.fullmatch(name) or len(token) < _SHORTEST_TOKEN or not token.isascii() or " " in token:
        raise ValueError(
            f"must be NAME=TOKEN; a name has 1 to 16 of a-z, 0-9 and -, a token at least {_SHORTEST_TOKEN} characters"
        )
    return f"{name}={token}"


def parse_origin(value: str) -> str:
    """Return the origin of a web page (RFC 6454 4).

    Raises:
        ValueError: it is none.
    """
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or value != f"{parts.scheme}://{parts.netloc}":
        raise ValueError("must be https://HOST:PORT or http://HOST:PORT, without a path")
    return value.lower()


def parse_public_url(value: str) -> str:
    """Return an address under which the node is reached, without a slash at its end.

    Raises:
        ValueError: it is none, or has a query.
    """
    parts = urlsplit(value)
    if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment):
        raise ValueError("must be empty, or https://HOST:PORT/PATH")
    return _without_credentials(value).rstrip("/")


def parse_workers(value: int | str) -> int | str:
    """Return a number of worker processes, or "auto".

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, int) and not 1 <= value <= _MOST_WORKERS:
        raise ValueError(f'must be 1 to {_MOST_WORKERS}, or "auto"')
    return value


def split_list(value: object) -> object:
    """Return a list of texts where an environment variable holds one text with commas between."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


AETitle = Annotated[str, AfterValidator(parse_ae_title)]
Port = Annotated[int, Field(ge=0, le=65535)]
