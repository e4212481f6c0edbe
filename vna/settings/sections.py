"""Every setting: its type, its default, and one line that explains it."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from vna.settings.tiers import TierSettings, check_tier, parse_tier
from vna.settings.values import (
    AETitle,
    Port,
    named_once,
    parse_endpoint,
    parse_further_ae_title,
    parse_index_url,
    parse_origin,
    parse_public_url,
    parse_replica,
    parse_store_name,
    parse_store_url,
    parse_token,
    parse_uid,
    parse_workers,
    split_list,
)

PREFIX = "VNA_"


class Section(BaseModel):
    """A table of the TOML file."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class DimseSettings(Section):
    """How the node speaks DIMSE (PS3.7, PS3.8)."""

    host: str = "0.0.0.0"  # noqa: S104 - unregistered peers are refused, unless on the loopback
    """Address to listen on for DIMSE."""
    port: Port = 11112
    """Port to listen on for DIMSE; 0 takes a free one."""
    ae_title: AETitle = "VNA"
    """The node's own AE title."""
    other_ae_titles: Annotated[tuple[AETitle, ...], BeforeValidator(split_list)] = ()
    """Further AE titles the node answers to."""
    quality_ae_title: Annotated[str, AfterValidator(parse_further_ae_title)] = ""
    """AE title that is called to see what is rejected too, in queries and retrieves alone; empty for none."""
    unknown_called_ae_title: Literal["refuse", "accept"] = "refuse"
    """What to do with an association that calls another AE title: refuse or accept."""
    max_pdu: Annotated[int, Field(ge=4096, le=16 * 2**20)] = 262144
    """Longest PDU the node takes, in bytes; offered to the peer (PS3.8 D.1)."""
    max_associations: Annotated[int, Field(ge=1)] = 64
    """Associations at a time; one more is rejected for now (PS3.8 9.3.4)."""
    max_associations_per_peer: Annotated[int, Field(ge=1)] = 32
    """Associations of one peer at a time, and connections of one address without one; one more is rejected for now."""
    artim_timeout_s: Annotated[float, Field(gt=0)] = 30
    """Seconds a connection may take to request an association, or to close (PS3.8 9.1.5)."""
    idle_timeout_s: Annotated[float, Field(gt=0)] = 600
    """Seconds without a byte after which an association is aborted."""
    min_bytes_per_s: Annotated[int, Field(ge=0)] = 512
    """Bytes a second that a peer has to send within a message, or take of an answer; 0 sets no limit."""
    min_rate_window_s: Annotated[float, Field(gt=0)] = 120
    """Seconds over which that is counted; a peer that is slower is aborted."""
    max_in_flight_bytes: Annotated[int, Field(ge=2**20)] = 64 * 2**30
    """Bytes of data sets that may be on their way in at a time; what exceeds it is refused for now (status A700)."""
    max_in_flight_bytes_per_peer: Annotated[int, Field(ge=2**20)] = 32 * 2**30
    """The same for one peer, so that it leaves room for others."""
    max_find_answers: Annotated[int, Field(ge=0)] = 10000
    """Most answers to one query; 0 sets no limit."""
    max_moves: Annotated[int, Field(ge=1)] = 16
    """C-MOVEs sent out at a time, at most half of them to one destination; further ones wait."""
    move_associations: Annotated[int, Field(ge=1, le=16)] = 4
    """Most associations at a time for one C-MOVE; more than one only when there is much to send."""
    move_retries: Annotated[int, Field(ge=0)] = 2
    """How often a C-MOVE tries again what failed for a reason that may pass."""
    move_retry_pause_s: Annotated[float, Field(gt=0)] = 1
    """Seconds before the first of these retries; before each further one twice as long."""
    move_stall_s: Annotated[float, Field(gt=0)] = 60
    """Seconds after which a move destination is given up that takes next to nothing in, or does not answer."""
    commitment_patience_s: Annotated[float, Field(ge=0)] = 300
    """Seconds that a commitment waits for copies that are on their way, before these instances fail."""
    commitment_retry_pause_s: Annotated[float, Field(gt=0)] = 30
    """Seconds before a commitment's report that was not taken is sent again; each time twice as long, up to an hour."""
    commitment_retry_s: Annotated[float, Field(ge=0)] = 604800
    """Seconds after which a commitment's report is given up that nobody takes."""
    private_sop_classes: Annotated[
        tuple[Annotated[str, AfterValidator(parse_uid)], ...], BeforeValidator(split_list)
    ] = ()
    """Private storage SOP Class UIDs to accept beside the standard ones."""
    allow_loopback: bool = True
    """Whether any AE title may talk to the node from this machine itself, without being a registered peer."""

    @field_validator("quality_ae_title")
    @classmethod
    def _is_its_own(cls, value: str, info: ValidationInfo) -> str:
        if value and value in (info.data.get("ae_title"), *info.data.get("other_ae_titles", ())):
            raise ValueError("must be another AE title than those under which nothing rejected is seen")
        return value


class HttpSettings(Section):
    """How the node speaks HTTP."""

    host: str = "127.0.0.1"
    """Address to listen on for HTTP; the default is reached from this machine only."""
    port: Port = 8080
    """Port to listen on for HTTP; 0 takes a free one."""
    tokens: Annotated[
        tuple[Annotated[str, AfterValidator(parse_token)], ...],
        BeforeValidator(split_list),
        AfterValidator(named_once),
    ] = ()
    """Who may read and store over HTTP, each as NAME=TOKEN; sent as bearer token, or as password of any user."""
    quality_tokens: Annotated[tuple[str, ...], BeforeValidator(split_list)] = ()
    """Names of tokens that may see what is rejected too, at /quality/dicom-web; without tokens the loopback may."""
    allow_unauthenticated: bool = False
    """Whether anyone may read and store over HTTP from other machines too, without a token."""
    allowed_hosts: Annotated[tuple[str, ...], BeforeValidator(split_list)] = ()
    """Further names the node is called by in a browser; addresses and the machine's own name always are."""
    cors_origins: Annotated[tuple[Annotated[str, AfterValidator(parse_origin)], ...], BeforeValidator(split_list)] = ()
    """Origins whose pages may read over HTTP, as https://HOST:PORT; the node's own always may."""
    public_url: Annotated[str, AfterValidator(parse_public_url)] = ""
    """Address under which clients reach the node, for the URLs it gives out; empty for what each request says."""
    trusted_proxies: Annotated[tuple[str, ...], BeforeValidator(split_list)] = ("127.0.0.1", "::1")
    """Addresses of proxies whose Forwarded and X-Forwarded headers are believed."""
    max_body_bytes: Annotated[int, Field(ge=2**20)] = 32 * 2**30
    """Most bytes of one request; more is refused with 413."""
    max_parts: Annotated[int, Field(ge=1)] = 100_000
    """Most parts of one multipart request; more are refused with 413."""
    max_requests: Annotated[int, Field(ge=1)] = 128
    """Requests at a time, at most half of them from one address; one more is refused for now (503, or 429)."""
    request_timeout_s: Annotated[float, Field(gt=0)] = 60
    """Seconds in which a client has to send the next bytes of a request, or take the next of an answer."""
    max_search_results: Annotated[int, Field(ge=1)] = 10_000
    """Most results in one answer to a search; further ones are asked for with `offset`."""
    viewer_dir: str = ""
    """Folder of the web viewer that `vna viewer install` filled; empty for the one in the node's environment."""


class IndexSettings(Section):
    """Where the index lies."""

    url: Annotated[str, AfterValidator(parse_index_url)] = ""
    """Database of the index: sqlite:///FILE or postgresql://...; empty for SQLite in the data folder."""
    extra_attributes: Annotated[tuple[str, ...], BeforeValidator(split_list)] = ()
    """Further attributes that queries match and return, each as ATTRIBUTE@LEVEL; read from stored headers."""


class StoreSettings(Section):
    """Where blobs lie and how they are packed."""

    name: Annotated[str, AfterValidator(parse_store_name)] = "main"
    """What the main store is called in rules and commands, beside its tiers: `hot`, say."""
    url: Annotated[str, AfterValidator(parse_store_url)] = ""
    """Where the stored files lie: file:///FOLDER or s3://BUCKET/PREFIX; empty for `blobs` in the data folder."""
    endpoint: Annotated[str, AfterValidator(parse_endpoint)] = ""
    """Address of an object store that is not the cloud's own, https://HOST:PORT; empty for the cloud's."""
    region: str = ""
    """Region of the bucket; empty for what the environment says (AWS_REGION)."""
    timeout_s: Annotated[float, Field(gt=0)] = 20
    """Seconds one request to an object store may take; trying again ends after as many."""
    min_free_percent: Annotated[float, Field(ge=0, le=100)] = 2
    """Share of the disk kept free: new instances are refused below it (status A700)."""
    min_free_bytes: Annotated[int, Field(ge=0)] = 2 * 2**30
    """Bytes kept free, where that is less than the share above."""
    codec: Literal["raw", "zstd", "dense"] = "dense"
    """How files are packed: raw (not at all), zstd (Zstandard) or dense (pixel filter and Zstandard)."""
    recent_bytes: Annotated[int, Field(ge=0)] = 128 * 2**20
    """Memory of the whole node, claimed at its start, that keeps what came or was read last decoded; 0 for none."""
    replicas: Annotated[
        tuple[Annotated[str, AfterValidator(parse_replica)], ...],
        BeforeValidator(split_list),
        AfterValidator(named_once),
    ] = ()
    """Further stores that hold a copy of every file, each as NAME=URL; URLs as for the store."""
    replicate: Literal["with-receive", "behind"] = "with-receive"
    """When replicas get their copy: with-receive (before the sender is answered) or behind (soon after)."""
    tiers: Annotated[tuple[Annotated[str, AfterValidator(check_tier)], ...], BeforeValidator(split_list)] = ()
    """Named stores that rules move studies to, each as NAME=URL;OPTION=VALUE;... (codec, availability, lock, ...)."""
    scrub_bytes_per_s: Annotated[int, Field(ge=0)] = 4_000_000
    """Stored bytes read again each second, in every store, to find damage; 0 turns it off."""

    sweep_every_s: Annotated[float, Field(gt=0)] = 21600
    """Seconds between two sweeps, which delete stored files that nothing needs any more."""
    sweep_grace_s: Annotated[float, Field(ge=0)] = 86400
    """Seconds that a file stays which nothing needs: it may belong to an instance that is just coming in."""

    @property
    def replica_urls(self) -> dict[str, str]:
        """Where the replicas lie, by name."""
        return {name: url for name, _, url in (replica.partition("=") for replica in self.replicas)}

    @property
    def tier_settings(self) -> dict[str, TierSettings]:
        """The tiers by name, in the order they were given: the nearest first."""
        return {tier.name: tier for tier in map(parse_tier, self.tiers)}

    @field_validator("tiers")
    @classmethod
    def _named_once(cls, tiers: tuple[str, ...], given: ValidationInfo) -> tuple[str, ...]:
        names = [parse_tier(tier).name for tier in tiers]
        names += [replica.partition("=")[0] for replica in given.data.get("replicas", ())]
        names.append(given.data.get("name", "main"))
        if len(set(names)) < len(names):
            raise ValueError("each store, replicas and the main one among them, needs a name of its own")
        return tiers


class ArchiveSettings(Section):
    """What the archive decides by itself."""

    rejected_again: Literal["refuse", "restore", "keep-hidden"] = "refuse"
    """What to do with a rejected instance that is sent again: refuse it, restore it if identical, or keep-hidden."""
    eliminated_again: Literal["refuse", "accept"] = "refuse"
    """What to do with an instance that arrives in what was eliminated: refuse it, or accept it as new, flagged."""
    ledger_copies: Annotated[
        tuple[Annotated[str, AfterValidator(parse_store_url)], ...], BeforeValidator(split_list)
    ] = ()
    """Further places of the ledger of what was eliminated, as store URLs, where no backup is put back over them."""
    broken_ledger: Literal["refuse", "ignore"] = "refuse"
    """What to do at start with a ledger that was altered or cannot be read: refuse to start, or ignore it this once."""
    study_quiet_s: Annotated[float, Field(gt=0)] = 60
    """Seconds without an arrival after which a study is reported quiet, an event of the journal."""
    derived_max_bytes: Annotated[int, Field(ge=0)] = 2**30
    """Most bytes of documents kept ready for web clients, what was not used longest goes first; 0 keeps none."""


class JournalSettings(Section):
    """How the journal is sealed."""

    seal_every_s: Annotated[float, Field(gt=0)] = 60
    """Seconds after which what happened is sealed into the store, where it no longer hangs on the index."""


class LifecycleSettings(Section):
    """How tier rules and decided eliminations are carried out."""

    run_every_s: Annotated[float, Field(ge=0)] = 3600
    """Seconds between runs of the lifecycle; 0 for none but those by hand."""
    max_actions: Annotated[int, Field(ge=1)] = 1000
    """How much one run does at most: moves of studies, and items eliminated."""
    max_bytes_per_s: Annotated[float, Field(gt=0)] = 50_000_000
    """Bytes a second that a run moves between stores, on average."""
    max_clock_jump_s: Annotated[float, Field(ge=1)] = 86400
    """Seconds by which the clock may jump, or the node be off, before eliminations and moves wait for a person."""


class ServeSettings(Section):
    """How the node runs."""

    workers: Annotated[Literal["auto"] | int, AfterValidator(parse_workers)] = "auto"
    """Worker processes that serve DIMSE: a number, or auto for one to a core, at most 4."""
    drain_s: Annotated[float, Field(ge=0)] = 30
    """Seconds that running associations have to finish when the node is stopped."""


class LogSettings(Section):
    """What the node logs, to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least important messages to log: debug, info, warning or error."""
    format: Literal["text", "json"] = "text"
    """One line per event as text, or as a JSON object."""


class Settings(BaseSettings):
    """All settings of a node."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        enable_decoding=False,
    )

    data_dir: Path = Path("var")
    """Folder of everything the node keeps, made when missing."""
    dimse: DimseSettings = DimseSettings()
    http: HttpSettings = HttpSettings()
    index: IndexSettings = IndexSettings()
    store: StoreSettings = StoreSettings()
    archive: ArchiveSettings = ArchiveSettings()
    journal: JournalSettings = JournalSettings()
    lifecycle: LifecycleSettings = LifecycleSettings()
    serve: ServeSettings = ServeSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file, whose content is given to the constructor."""
        return env_settings, init_settings
