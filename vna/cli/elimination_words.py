"""The words of the papers of an elimination, in French and in English."""

from collections.abc import Mapping
from typing import Final

LANGUAGES: Final = ("fr", "en")

_HOW_FR = (
    "Le fichier JSON signé énumère chaque objet détruit et fait foi. Il se vérifie hors ligne : "
    "vna elimination verify-certificate FICHIER --key CLÉ, la clé publique étant obtenue par une autre voie. "
    "Sans ce programme : ne garder du document que les membres format, version, archive, public_key et digests ; "
    "écrire cela en JSON ASCII, membres triés, sans espaces ; vérifier la signature Ed25519 de ce texte ; comparer "
    "ensuite chaque membre à son empreinte SHA-256 dans digests."
)
_HOW_EN = (
    "The signed JSON file lists every object that was destroyed, and is the proof. It is verified offline: "
    "vna elimination verify-certificate FILE --key KEY, with the public key known from elsewhere. "
    "Without that program: keep of the document only the members format, version, archive, public_key and digests; "
    "write that as ASCII JSON, members sorted, without white space; verify the Ed25519 signature of that text; then "
    "compare each member with its SHA-256 in digests."
)

_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "bordereau": ("Bordereau d'élimination n°\N{NO-BREAK SPACE}{n}", "Elimination list no. {n}"),
    "certificate": ("Procès-verbal d'élimination n°\N{NO-BREAK SPACE}{n}", "Certificate of elimination no. {n}"),
    "archive": ("Système d'archivage", "Archive"),
    "state": ("État", "State"),
    "proposed": ("Proposé par", "Proposed by"),
    "evaluated": ("Échéances calculées au", "Evaluated on"),
    "issued": ("Établi le", "Issued on"),
    "establishments": ("Établissement(s)", "Establishment(s)"),
    "departments": ("Service(s) producteur(s)", "Department(s)"),
    "typology": ("Typologie (examens par modalité)", "Kind (items by modality)"),
    "dates": ("Dates extrêmes des examens", "First and last study date"),
    "profile": ("Référentiel de conservation", "Retention profile"),
    "verified": ("vérifié par {by} le {on}", "verified by {by} on {on}"),
    "unverified": ("non vérifié", "not verified"),
    "rules": ("Durées d'utilité administrative (DUA) échues : règles", "Rules whose time is over"),
    "counts": ("Volume", "Volume"),
    "volume": (
        "{items} éléments, {patients} patients, {studies} examens, {instances} objets DICOM, {size}",
        "{items} items, {patients} patients, {studies} studies, {instances} DICOM objects, {size}",
    ),
    "destroyed_volume": (
        "{items} éléments, {objects} objets DICOM, {size}",
        "{items} items, {objects} DICOM objects, {size}",
    ),
    "digest": ("Empreinte SHA-256 de la liste", "SHA-256 of the list"),
    "wait": ("Délai après la dernière décision", "Waiting time after the last decision"),
    "days": ("{n} jour(s)", "{n} day(s)"),
    "accepted": ("Réserves assumées par le proposant", "Taken on by who proposes"),
    "decisions": ("Avis, décisions et visas", "Opinions, decisions and visas"),
    "role": ("Qualité, nature de l'acte", "Role, what is asked of it"),
    "person": ("Nom", "Name"),
    "decision": ("Sens", "Decision"),
    "reference": ("Référence et date", "Reference and date"),
    "time": ("Date (UTC)", "Date (UTC)"),
    "signature": ("Signature", "Signature"),
    "list": ("Liste des éléments", "The list"),
    "item": ("N°", "No."),
    "uid": ("Identifiant (UID)", "UID"),
    "kind": ("Modalité, date", "Modality, date"),
    "rule": ("Règle, échéance de la DUA", "Rule, kept until"),
    "until": ("Échéance de la DUA", "Kept until"),
    "amount": ("Objets, volume", "Objects, size"),
    "outcome": ("Sort final", "Outcome"),
    "excluded": ("Éléments écartés de la proposition", "Left out of the proposal"),
    "kept": ("Éléments retirés de la liste et conservés", "Taken from the list and kept"),
    "cause": ("Motif", "Cause"),
    "destroyed": ("Éléments détruits", "What was destroyed"),
    "manifest": ("Empreinte SHA-256 des objets détruits", "SHA-256 of the objects destroyed"),
    "places": ("Attestations de destruction par emplacement", "Places that have attested the destruction"),
    "place": ("Emplacement", "Place"),
    "method": ("Procédé", "Method"),
    "files": ("Fichiers, volume", "Files, size"),
    "journal": ("Journal scellé", "Sealed journal"),
    "position": ("jusqu'à la position {position}, empreinte {hash}", "up to position {position}, hash {hash}"),
    "file_digest": ("Empreinte SHA-256 du certificat signé (JSON)", "SHA-256 of the signed certificate (JSON)"),
    "public_key": ("Clé publique (Ed25519)", "Public key (Ed25519)"),
    "signed": ("Signature (Ed25519)", "Signature (Ed25519)"),
    "verify": ("Vérification", "Verification"),
    "how": (_HOW_FR, _HOW_EN),
    "no_names": (
        "Ce document ne comporte aucun nom de patient.",
        "This document holds no patient names.",
    ),
    "communicable": ("communicable après le {day} ({cite})", "communicable after {day} ({cite})"),
    "by_number": (
        "Les lettres que ce document ne peut imprimer y figurent par leur numéro Unicode, par exemple [U+0627].",
        "Letters that cannot be printed here are given by their number in Unicode, such as [U+0627].",
    ),
    "by_reader": (
        "Chinois, japonais, coréen : polices du lecteur PDF. Sans elles, ces lettres manquent ; le JSON les contient.",
        "Chinese, Japanese, Korean: fonts of the PDF reader. Without them, such letters are missing; the JSON has all.",
    ),
    "page": ("page {n} sur {of}", "page {n} of {of}"),
    "none": ("néant", "none"),
    "bytes": ("o", "B"),
    "hold": ("gel n° {n}", "hold {n}"),
    "pending": ("en attente", "pending"),
}

_TERMS: Final[Mapping[str, tuple[str, str]]] = {
    "favourable": ("favorable", "favourable"),
    "unfavourable": ("défavorable", "unfavourable"),
    "opinion": ("avis", "opinion"),
    "approval": ("décision", "decision"),
    "visa": ("visa", "visa"),
    "listed": ("élimination proposée", "listed"),
    "kept": ("conservé", "kept"),
    "eliminated": ("éliminé", "eliminated"),
    "proposed": ("proposé", "proposed"),
    "opinions": ("avis en cours", "opinions"),
    "waiting": ("délai en cours", "waiting"),
    "approved": ("approuvé", "approved"),
    "executing": ("en cours d'exécution", "executing"),
    "destroying": ("destruction en cours", "destroying"),
    "certified": ("certifié", "certified"),
    "refused": ("refusé", "refused"),
    "cancelled": ("annulé", "cancelled"),
    "historical": ("intérêt historique", "historical"),
    "sample": ("échantillon conservé", "sample"),
    "other": ("autre motif", "other"),
    "hold": ("gel en vigueur", "held"),
    "not-due": ("échéance non atteinte", "not due any more"),
    "not-held": ("n'est plus dans l'archive", "not in the archive any more"),
    "suspended": ("délai suspendu", "suspended"),
    "blocked:identity": ("identité incertaine", "identity not sure"),
    "blocked:basis": ("aucune venue connue (imagerie seule)", "no visit known (imaging only)"),
    "blocked:unverified": ("référentiel non vérifié", "profile not verified"),
    "blocked:rules": ("aucune règle applicable", "no rule applies"),
    "place:journal": ("journal", "journal"),
    "place:store": ("espace de stockage", "store"),
    "place:index": ("base de données (index)", "index"),
    "place:derived": ("documents dérivés", "derived documents"),
    "basis": ("aucune venue connue (imagerie seule)", "no visit known (imaging only)"),
    "unverified": ("référentiel non vérifié", "profile not verified"),
    "dim_physician": (
        "Médecin responsable de l'information médicale (DIM)",
        "Physician responsible for medical information",
    ),
    "director": ("Directeur de l'établissement", "Director"),
    "archives": ("Directeur des archives départementales", "Director of the departmental archives"),
    "archives_departementales": ("Directeur des archives départementales", "Director of the departmental archives"),
}


_METHODS: Final[Mapping[str, str]] = {
    "payload files deleted": "fichiers de données du journal supprimés",
    "; the medium was not overwritten": "\N{NO-BREAK SPACE}; support non réécrit",
    "deleted in ": "fichiers supprimés dans ",
    "the database was written anew (VACUUM, secure_delete) and its write-ahead log emptied": (
        "base de données entièrement réécrite (VACUUM, secure_delete), journal de transactions vidé"
    ),
    "the tables were written anew (VACUUM FULL); write-ahead log, standbys and backups of the server are not covered": (
        "tables entièrement réécrites (VACUUM FULL) ; journal de transactions, serveurs de secours et sauvegardes "
        "du serveur non couverts"
    ),
    "no file is known there, and it is not in the settings": "aucun fichier connu ; emplacement absent du paramétrage",
    "documents made of instances deleted, all": "documents dérivés des objets tous supprimés",
}
"""How places say that nothing is left, in French; what is not here stays as it was said."""


class Words:
    """The words of one language.

    Args:
        language: one of LANGUAGES.
    """

    def __init__(self, language: str) -> None:
        self._at = LANGUAGES.index(language)
        self.language = language

    def __call__(self, name: str, **values: object) -> str:
        """Return a phrase, with values put in."""
        return _WORDS[name][self._at].format(**values)

    def term(self, value: str) -> str:
        """Return what a value of the journal, such as a role or a cause, is called; itself without another name."""
        return _TERMS[value][self._at] if value in _TERMS else value

    def place(self, name: str) -> str:
        """Return what a place that attests is called."""
        kind, colon, store = name.partition(":")
        return f"{self.term(f'place:{kind}')} {store}" if colon else self.term(f"place:{kind}")

    def method(self, said: str) -> str:
        """Return how a place destroyed, as far as it is known in this language."""
        if self.language == "fr":
            for english, french in _METHODS.items():
                said = said.replace(english, french)
        return said

    def day(self, iso: str) -> str:
        """Return a date (2026-01-31) as people write it, with what stands behind it: 31/01/2026 in French."""
        if self.language != "fr" or len(iso) < len("2026-01-31"):
            return iso
        return f"{iso[8:10]}/{iso[5:7]}/{iso[:4]}{iso[10:]}"

    def size(self, count: int) -> str:
        """Return an amount of bytes, grouped by thousands."""
        space = "\N{NO-BREAK SPACE}" if self.language == "fr" else ","
        return f"{count:,}".replace(",", space) + f"\N{NO-BREAK SPACE}{self('bytes')}"
