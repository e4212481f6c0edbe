"""Studies made from code, as many as one likes: what queries can ask for, without headers and pixels.

The same number, in an archive of the same size, gives the same study. Names, descriptions, dates and modalities are
spread as in a hospital: a few frequent ones and a long tail, several scripts, patients who come back.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from hashlib import sha256

_ROOT = "1.2.826.0.1.3680043.10.1234"
_FIRST_DAY, _DAYS = date(2006, 1, 1), 7300
_FREQUENT_FAMILIES = "MARTIN BERNARD DUBOIS THOMAS ROBERT RICHARD PETIT DURAND".split()
_ONSETS = "B C D F G H L M N P R S T V BR CH CL DR FR GR PL TR".split()
_NUCLEI = "A E I O U AI AU EAU OU EI".split()
_CODAS = "N R T L S ND RD RT LLE SSE TTE MANN SON SKI".split()
_GIVEN = [
    first + last
    for first in "JE MA AN PI LU CA SO NI RE OL FR AL CL TH VI DA".split()
    for last in "AN RIE NE ERRE CIE MILLE PHIE COLAS GIS IVIER EDERIC ICE AUDE OMAS RGINIE VID LINE TTE".split()
]
_IDEOGRAPHIC = (("山田", "やまだ"), ("鈴木", "すずき"), ("佐藤", "さとう"), ("高橋", "たかはし"), ("田中", "たなか"))
_IDEOGRAPHIC_GIVEN = (("太郎", "たろう"), ("花子", "はなこ"), ("一郎", "いちろう"), ("良子", "よしこ"))
_OTHER_SCRIPTS = (
    (("Иванов", "Смирнова", "Кузнецов", "Попова", "Соколов"), ("Анна", "Пётр", "Мария", "Иван")),
    (("Παπαδόπουλος", "Βλάχος", "Γεωργίου"), ("Νίκος", "Ελένη", "Μαρία")),
)
_MODALITIES = ("CT",) * 30 + ("DX",) * 25 + ("MR",) * 20 + ("US",) * 14 + ("MG",) * 6 + ("NM",) * 3 + ("XA",) * 2
_REGIONS = "THORAX ABDOMEN CRANE GENOU RACHIS BASSIN EPAULE MAIN PIED COU SINUS HANCHE CHEVILLE COUDE FOIE".split()
_SIDES = ("", "", "", " D", " G", " BILAT")
_MANNERS = ("", "", "", " AVEC INJECTION", " SANS INJECTION", " FACE ET PROFIL", " CONTROLE", " URGENCE")


@dataclass(frozen=True, slots=True)
class SyntheticStudy:
    """One study: what it can be asked for by, and how many instances each of its series has."""

    uid: str
    patient_id: str
    patient_name: str
    birth_date: str
    sex: str
    accession_number: str
    study_id: str
    date: str
    time: str
    description: str
    physician: str
    modality: str
    instances: tuple[int, ...]


def synthetic_study(number: int, *, of: int) -> SyntheticStudy:
    """Return a study by its number, counted from 0, in an archive of so many; a higher number is a later date."""
    dice = _Dice(f"study {number}")
    patient = dice.roll(max(1, 2 * of // 5))
    name, birth_date, sex = _person(patient)
    day = _FIRST_DAY + timedelta(days=_DAYS * number // of)
    modality = _MODALITIES[dice.roll(100)]
    return SyntheticStudy(
        uid=f"{_ROOT}.{day:%Y%m%d}.{1 + dice.roll(10**6)}.{number}",
        patient_id=f"{patient:09d}",
        patient_name=name,
        birth_date=birth_date,
        sex=sex,
        accession_number=f"A{day:%y}{number:09d}",
        study_id=str(number),
        date=f"{day:%Y%m%d}",
        time=f"{7 + dice.roll(13):02d}{dice.roll(60):02d}{dice.roll(60):02d}",
        description=_description(dice, modality),
        physician=_person(-1 - dice.roll(300))[0],
        modality=modality,
        instances=tuple(1 + dice.roll(10) // 8 for _ in range((1, 1, 1, 1, 1, 1, 1, 2, 2, 3)[dice.roll(10)])),
    )


class _Dice:
    """Numbers that follow from a text; a tenth of the cost of `random.Random`, which a million studies feel."""

    def __init__(self, text: str) -> None:
        self._left = int.from_bytes(sha256(text.encode()).digest())

    def roll(self, sides: int) -> int:
        """Return a number from 0, below `sides`."""
        self._left, number = divmod(self._left, sides)
        return number

    def pick(self, of: "tuple[str, ...] | list[str]") -> str:
        """Return one of several texts, each as likely as any other."""
        return of[self.roll(len(of))]

    def lean(self, of: list[str]) -> str:
        """Return one of several texts, the first most likely, the last least."""
        return of[min(self.roll(len(of)), self.roll(len(of)), self.roll(len(of)))]


@lru_cache(maxsize=2**19)
def _person(number: int) -> tuple[str, str, str]:
    """Return name, birth date and sex of one person."""
    dice = _Dice(f"person {number}")
    born = f"{1925 + dice.roll(95)}{1 + dice.roll(12):02d}{1 + dice.roll(28):02d}"
    return _name(dice), born, dice.pick(("F", "M"))


def _name(dice: _Dice) -> str:
    """Return a name: one in twenty in ideographs and sounds too, as many in another alphabet."""
    script = dice.roll(60)
    if 3 <= script < 6:
        families, given = _OTHER_SCRIPTS[script % 2]
        return f"{dice.pick(families)}^{dice.pick(given)}"
    latin = f"{_family(dice)}^{dice.pick(_GIVEN)}"
    if script >= 6:
        return latin
    family, first = _IDEOGRAPHIC[dice.roll(5)], _IDEOGRAPHIC_GIVEN[dice.roll(4)]
    return f"{latin}={family[0]}^{first[0]}={family[1]}^{first[1]}"


def _family(dice: _Dice) -> str:
    if dice.roll(40) == 0:
        return dice.lean(_FREQUENT_FAMILIES)
    syllables = (dice.pick(_ONSETS) + dice.pick(_NUCLEI) for _ in range(1 + dice.roll(2)))
    return "".join(syllables) + dice.pick(_CODAS)


def _description(dice: _Dice, modality: str) -> str:
    """Return a description: to one in nine somebody has added a word of their own: so dictionaries grow long."""
    text = f"{modality} {dice.lean(_REGIONS)}{dice.pick(_SIDES)}{dice.pick(_MANNERS)}"
    if dice.roll(9):
        return text
    return f"{text} {dice.pick(_ONSETS)}{dice.pick(_NUCLEI)}{dice.roll(4000)}"
