"""Retention profiles of an archive: what is published stays as it is, and two persons bring one into force."""

from functools import lru_cache

from vna.archive.recording import record_if_due
from vna.errors import NotFound, NotPermitted, NotPlausible
from vna.events import ProfileActivated, ProfileProposed
from vna.events.persons import same_person
from vna.index import Index, KeptProfile, index_errors
from vna.retention import Profile, ProfileError, read_profile, shipped_profiles


class ProfileBook:
    """The profiles of one archive. Thread-safe."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def all(self) -> list[KeptProfile]:
        """Return every profile that was proposed, oldest first."""
        with index_errors():
            return self._index.profiles.all()

    def get(self, number: int) -> KeptProfile:
        """Return the profile that was proposed under this number.

        Raises:
            NotFound: none was.
        """
        with index_errors():
            found = self._index.profiles.get(number)
        if found is None:
            raise NotFound(f"no profile was proposed as number {number}; vna retention profiles list lists them")
        return found

    def in_force(self) -> tuple[int, Profile] | None:
        """Return the number of the profile in force, and the profile; None before the first one was activated."""
        with index_errors():
            kept = self._index.profiles.in_force()
        return None if kept is None else (kept.number, understood(kept.text))

    def text(self, name: str) -> str:
        """Return the text of a profile by its number, by `NAME@VERSION`, by name (the last proposed), or a shipped one.

        Raises:
            NotFound: there is none.
        """
        if name.isdecimal():
            return self.get(int(name)).text
        wanted, _, version = name.partition("@")
        for kept in reversed(self.all()):
            if kept.name == wanted and version in ("", kept.version):
                return kept.text
        shipped = shipped_profiles()
        if name not in shipped:
            raise NotFound(f"no profile is called {name}; shipped are {', '.join(shipped)}")
        return shipped[name]

    def propose(self, text: str, by: str) -> int:
        """Publish a profile and return its number; one that is published with this very text keeps its own.

        Raises:
            NotPermitted: its name and version are published with other content.
            NotPlausible: it is no profile; says the line.
        """
        profile = understood(text)
        record_if_due(self._index, ProfileProposed(profile.name, profile.version, text), by)
        with index_errors():
            kept = self._index.profiles.named(profile.name, profile.version)
        if kept is None or kept.text != text:
            published = f"profile {profile.name} {profile.version} is published with other content"
            raise NotPermitted(f"{published}: give the changed one a version of its own")
        return kept.number

    def activate(self, number: int, by: str) -> KeptProfile:
        """Bring a profile into force in place of the one before; returns it.

        Raises:
            NotFound: none was proposed under this number.
            NotPermitted: who proposed it cannot bring it into force, or it is in force.
        """
        kept = self.get(number)
        understood(kept.text)
        if same_person(kept.actor, by):
            raise NotPermitted(f"{by} has proposed profile {number}: another person brings it into force")
        if record_if_due(self._index, ProfileActivated(number), by) is None:
            raise NotPermitted(f"profile {number} is in force already")
        return self.get(number)


@lru_cache(maxsize=16)
def understood(text: str) -> Profile:
    """Return the profile that a text says; of the same few it is read once.

    Raises:
        NotPlausible: it says none; names the line.
    """
    try:
        return read_profile(text)
    except ProfileError as exc:
        raise NotPlausible(str(exc)) from exc
