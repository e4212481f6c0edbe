"""What can be true of a patient beside what is known."""

from datetime import date

import pytest

from vna.events import FactKind, PatientFact
from vna.events.plausibility import implausible, implausible_without

TODAY = date(2026, 3, 1)


def fact(kind: FactKind, on: str, code: str = "", system: str = "") -> PatientFact:
    return PatientFact("AP-HP", "P1", kind, on, code=code, system=system)


VISIT = fact(FactKind.VISIT, "2010-06-01")
DEATH = fact(FactKind.DEATH, "2012-06-01")
OPENED, CLOSED = fact(FactKind.CLAIM_OPENED, "2011-01-01", "c1"), fact(FactKind.CLAIM_CLOSED, "2012-01-01", "c1")
BORN = fact(FactKind.BIRTH_DATE, "1950-01-01")

PLAUSIBLE = {
    "visit": (VISIT, []),
    "tomorrow": (fact(FactKind.VISIT, "2026-03-02"), []),
    "visit on the day of death": (fact(FactKind.VISIT, DEATH.date), [DEATH]),
    "diagnosis after death": (fact(FactKind.DIAGNOSIS, "2012-07-01", "C50", "ICD-10"), [DEATH]),
    "claim of the heirs": (fact(FactKind.CLAIM_OPENED, "2013-01-01", "c1"), [DEATH]),
    "claim closed": (CLOSED, [OPENED]),
    "claim opened again": (fact(FactKind.CLAIM_OPENED, "2012-02-01", "c1"), [OPENED, CLOSED]),
    "another claim": (fact(FactKind.CLAIM_OPENED, "2011-02-01", "c2"), [OPENED]),
    "birth corrected": (fact(FactKind.BIRTH_DATE, "1951-01-01"), [BORN, VISIT]),
    "identity": (fact(FactKind.IDENTITY, "2020-01-01", "doubtful"), []),
}

IMPLAUSIBLE = {
    "the day after tomorrow": (fact(FactKind.VISIT, "2026-03-03"), [], "has not come yet"),
    "long ago": (fact(FactKind.VISIT, "1026-03-01"), [], "is before 1850"),
    "no date": (fact(FactKind.VISIT, "2026-02-30"), [], "no date"),
    "basic format": (fact(FactKind.VISIT, "20260201"), [], "not written as"),
    "no patient": (PatientFact("AP-HP", "", FactKind.VISIT, "2020-01-01"), [], "ID and issuer"),
    "visit after death": (fact(FactKind.VISIT, "2012-06-02"), [DEATH], "before this visit"),
    "transfusion after death": (fact(FactKind.TRANSFUSION, "2012-06-02"), [DEATH], "before this transfusion"),
    "death before a visit": (fact(FactKind.DEATH, "2010-05-31"), [VISIT], "after this death"),
    "death twice": (fact(FactKind.DEATH, "2012-06-02"), [DEATH], "known already"),
    "closed, not opened": (CLOSED, [], "not open"),
    "closed before opened": (fact(FactKind.CLAIM_CLOSED, "2010-01-01", "c1"), [OPENED], "not open"),
    "another one closed": (fact(FactKind.CLAIM_CLOSED, "2012-01-01", "c2"), [OPENED], "not open"),
    "closed twice": (fact(FactKind.CLAIM_CLOSED, "2012-02-01", "c1"), [OPENED, CLOSED], "not open"),
    "opened twice": (fact(FactKind.CLAIM_OPENED, "2011-02-01", "c1"), [OPENED], "open already"),
    "claim without number": (fact(FactKind.CLAIM_OPENED, "2011-02-01"), [], "code is missing"),
    "code of a visit": (fact(FactKind.VISIT, "2011-02-01", "c1"), [], "takes no code"),
    "unknown identity": (fact(FactKind.IDENTITY, "2011-02-01", "perhaps"), [], "one of confirmed"),
    "diagnosis of no system": (fact(FactKind.DIAGNOSIS, "2011-02-01", "C50"), [], "system is missing"),
    "flag of a system": (fact(FactKind.FLAG, "2011-02-01", "implant", "x"), [], "takes no coding system"),
    "before birth": (fact(FactKind.VISIT, "1949-12-31"), [BORN], "before the birth"),
    "birth after a visit": (fact(FactKind.BIRTH_DATE, "2010-06-02"), [VISIT], "before this birth"),
}


def ids(cases: dict[str, object]) -> list[str]:
    return [name.replace(" ", "-").replace(",", "") for name in cases]


@pytest.mark.parametrize(("told", "known"), PLAUSIBLE.values(), ids=ids(PLAUSIBLE))
def test_what_can_be(told: PatientFact, known: list[PatientFact]) -> None:
    assert implausible(told, known, TODAY) == ""


@pytest.mark.parametrize(("told", "known", "why"), IMPLAUSIBLE.values(), ids=ids(IMPLAUSIBLE))
def test_what_cannot_be(told: PatientFact, known: list[PatientFact], why: str) -> None:
    assert why in implausible(told, known, TODAY)


def test_an_opening_stays_as_long_as_its_closing() -> None:
    assert "withdraw that first" in implausible_without(OPENED, [VISIT, CLOSED])
    assert implausible_without(OPENED, [VISIT]) == ""
    assert implausible_without(CLOSED, [OPENED]) == ""
    assert implausible_without(DEATH, [CLOSED]) == ""
