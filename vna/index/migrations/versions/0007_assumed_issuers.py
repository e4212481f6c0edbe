"""Records have the issuer that was assumed for a Patient ID, where the data set says none: it can be asked for."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_RECORD = sa.table("study_record", *map(sa.column, ("id", "patient_id", "IssuerOfPatientID")))
_PATIENT = sa.table("patient", *map(sa.column, ("id", "patient_id", "issuer")))
_VERSION = sa.table("version", *map(sa.column, ("id", "source")))


def upgrade() -> None:
    """Enter them: a record is numbered as the version that made it, whose source's name is no issuer."""
    issuer = sa.select(_PATIENT.c.issuer).where(_PATIENT.c.id == _RECORD.c.patient_id).scalar_subquery()
    assumed = (
        sa.select(sa.literal(1))
        .select_from(_VERSION.join(_PATIENT, _PATIENT.c.id == _RECORD.c.patient_id))
        .where(_VERSION.c.id == _RECORD.c.id, _PATIENT.c.issuer != _VERSION.c.source, _PATIENT.c.patient_id != "")
        .correlate(_RECORD)
        .exists()
    )
    bare = sa.func.coalesce(_RECORD.c.IssuerOfPatientID, "") == ""
    op.execute(sa.update(_RECORD).where(bare, assumed).values(IssuerOfPatientID=issuer))
