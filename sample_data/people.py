"""Who is in the collection: three institutions, the people they treat, and the IDs that overlap.

Two of the institutions state who issues their patient IDs, one does not. `4711` is a different person in each of them,
`200417` in two; and one person is known to two of them under different IDs, her name spelt in two ways. Nobody here
exists.
"""

from dataclasses import dataclass

from pydicom.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Institution:
    """A hospital. `issuer` is what it states as Issuer of Patient ID (0010,0021), if it does."""

    name: str
    folder: str
    address: str
    issuer: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """A person as one institution knows them.

    `name` has its component groups in the order of PS3.5 6.2.1.2: alphabetic, ideographic, phonetic.
    """

    institution: Institution
    patient_id: str
    name: str
    birth_date: str
    sex: str

    def describe(self, ds: Dataset) -> None:
        """Fill in the Patient module (PS3.3 C.7.1.1)."""
        ds.PatientName, ds.PatientID = self.name, self.patient_id
        if self.institution.issuer:
            ds.IssuerOfPatientID = self.institution.issuer
        ds.PatientBirthDate, ds.PatientSex = self.birth_date, self.sex


CHU = Institution("CHU du Val-de-Brume", "chu-val-de-brume", "12 quai des Tanneurs, 44999 Val-de-Brume", "CHU-VDB")
INFIRMARY = Institution("St Brannoc's Infirmary", "st-brannocs-infirmary", "1 Harbour Road, St Brannoc EX99 9ZZ")
KLINIKUM = Institution("Klinikum Seeberg", "klinikum-seeberg", "Am Seeberg 3, 99998 Seeberg", "KLINIKUM-SEEBERG")

LEFEVRE = Patient(CHU, "4711", "Lefèvre-Nuñez^Éloïse^^Mme", "19580314", "F")
LEFEVRE_ABROAD = Patient(INFIRMARY, "0093182", "LEFEVRE NUNEZ^ELOISE", "19580314", "F")
GROESSMANN = Patient(KLINIKUM, "4711", "Größmann^Jörg^^Dr.", "19491102", "M")
PAPADOPOULOU = Patient(INFIRMARY, "4711", "Παπαδοπούλου^Ελένη", "19720830", "F")
KUZNETSOVA = Patient(KLINIKUM, "88120", "Кузнецова^Ольга^Ивановна", "19660121", "F")
LEVY = Patient(INFIRMARY, "200417", "לוי^מרים", "19810605", "F")
QABBANI = Patient(CHU, "30055", "قباني^ليلى", "19750919", "F")
SUZUKI = Patient(KLINIKUM, "200417", "Suzuki^Hanako=鈴木^花子=すずき^はなこ", "19890211", "F")
KIM = Patient(CHU, "51602", "Kim^Sujin=金^秀珍=김^수진", "19630427", "F")
LI = Patient(INFIRMARY, "0101377", "Li^Meihua=李^美华=", "19940808", "F")
OBRIEN = Patient(INFIRMARY, "0088214", "O'Brien^Siobhán^Mary", "19550117", "F")

EVERYONE = (
    LEFEVRE,
    LEFEVRE_ABROAD,
    GROESSMANN,
    PAPADOPOULOU,
    KUZNETSOVA,
    LEVY,
    QABBANI,
    SUZUKI,
    KIM,
    LI,
    OBRIEN,
)
