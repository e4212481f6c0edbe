"""What can be true of a patient: which facts may stand beside each other.

What contradicts itself is refused and not kept with a warning, because a date follows from it on which images go: a
visit after the death would have them go too early, whichever of the two is wrong. The wrong one is withdrawn first.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Final

from vna.events.facts import FactKind, PatientFact

_EARLIEST: Final = date(1850, 1, 1)
_AHEAD: Final = timedelta(days=1)
"""Clocks and time zones of others go before ours."""
_NEEDS_CODE: Final = {
    FactKind.CLAIM_OPENED: "the claim's number",
    FactKind.CLAIM_CLOSED: "the claim's number",
    FactKind.FLAG: "the flag's name",
    FactKind.DIAGNOSIS: "the diagnosis",
    FactKind.IDENTITY: "confirmed, doubtful or conflict",
}
IDENTITIES: Final = ("confirmed", "doubtful", "conflict")
"""What the code of an identity fact may be."""
_OF_THE_LIVING: Final = (FactKind.VISIT, FactKind.TRANSFUSION)


def same_fact(one: PatientFact, other: PatientFact) -> bool:
    """Return whether two facts say the same, whoever told them."""
    return _content(one) == _content(other)


def _content(fact: PatientFact) -> tuple[str, ...]:
    where = fact.issuer, fact.patient_id, fact.establishment
    return (fact.date, fact.kind, fact.code, fact.system, *where)


def implausible(fact: PatientFact, known: Iterable[PatientFact], today: date) -> str:
    """Return why a fact cannot be, beside those that are known of the patient; empty if it can.

    The text holds no patient data but dates and codes of the fact itself.
    """
    known = list(known)
    return (
        _wrong_in_itself(fact, today)
        or _wrong_beside_birth_and_death(fact, known)
        or _wrong_claims([*known, fact], fact)
    )


def implausible_without(fact: PatientFact, others: Sequence[PatientFact]) -> str:
    """Return why a fact cannot be withdrawn, beside those that would stay; empty if it can."""
    if fact.kind is not FactKind.CLAIM_OPENED:
        return ""
    wrong = _wrong_claims(others, fact)
    return wrong and "the closing of this claim would stand alone: withdraw that first"


def _wrong_in_itself(fact: PatientFact, today: date) -> str:
    if not fact.patient_id or not fact.issuer:
        return "a patient is named by ID and issuer"
    try:
        on = date.fromisoformat(fact.date)
    except ValueError:
        return "the date is no date (YYYY-MM-DD)"
    if fact.date != on.isoformat():
        return "the date is not written as YYYY-MM-DD"
    if on > today + _AHEAD:
        return f"{fact.date} has not come yet"
    if on < _EARLIEST:
        return f"{fact.date} is before {_EARLIEST.isoformat()}"
    return _wrong_code(fact)


def _wrong_code(fact: PatientFact) -> str:
    needed = _NEEDS_CODE.get(fact.kind)
    if needed and not fact.code:
        return f"{fact.kind}: the code is missing: {needed}"
    if fact.code and not needed:
        return f"{fact.kind}: takes no code"
    if fact.kind is FactKind.IDENTITY and fact.code not in IDENTITIES:
        return f"{fact.kind}: the code is one of {', '.join(IDENTITIES)}"
    if fact.kind is FactKind.DIAGNOSIS and not fact.system:
        return f"{fact.kind}: the coding system is missing"
    if fact.kind is not FactKind.DIAGNOSIS and fact.system:
        return f"{fact.kind}: takes no coding system"
    return ""


def _wrong_beside_birth_and_death(fact: PatientFact, known: Sequence[PatientFact]) -> str:
    deaths = [each.date for each in known if each.kind is FactKind.DEATH]
    births = [each.date for each in known if each.kind is FactKind.BIRTH_DATE]
    dates = [each.date for each in known if each.kind is not FactKind.BIRTH_DATE]
    living = [each.date for each in known if each.kind in _OF_THE_LIVING]
    match fact.kind:
        case FactKind.DEATH if deaths:
            return f"a death on {deaths[-1]} is known already: withdraw the one that is wrong"
        case FactKind.DEATH if living and max(living) > fact.date:
            return f"a visit or transfusion on {max(living)} is known, after this death: withdraw what is wrong"
        case FactKind.BIRTH_DATE if dates and min(dates) < fact.date:
            return f"something on {min(dates)} is known, before this birth"
        case FactKind.VISIT | FactKind.TRANSFUSION if deaths and deaths[-1] < fact.date:
            return f"a death on {deaths[-1]} is known, before this {fact.kind}: withdraw what is wrong"
    if fact.kind is not FactKind.BIRTH_DATE and births and fact.date < births[-1]:
        return f"before the birth on {births[-1]}"
    return ""


def _wrong_claims(facts: Iterable[PatientFact], about: PatientFact) -> str:
    """Return what is wrong with the openings and closings of the claim that a fact is about, in the order of dates."""
    if about.kind not in (FactKind.CLAIM_OPENED, FactKind.CLAIM_CLOSED):
        return ""
    of_claim = [
        (each.date, each.kind is FactKind.CLAIM_CLOSED)
        for each in facts
        if each.code == about.code and each.kind in (FactKind.CLAIM_OPENED, FactKind.CLAIM_CLOSED)
    ]
    is_open = False
    for on, closes in sorted(of_claim):
        if closes and not is_open:
            return f"the claim is not open on {on}, so it cannot be closed then"
        if not closes and is_open:
            return f"the claim is open already on {on}"
        is_open = not closes
    return ""
