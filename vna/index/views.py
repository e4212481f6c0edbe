"""What each view sees (`vna.model.View`): which versions, and by which record a study or series is shown.

Nobody sees what is limited. The quality view sees beside what is served what would be but for a rejection.
"""

from collections.abc import Callable

from sqlalchemy import Column, ColumnElement, FromClause, and_, exists, or_

from vna.model import VersionState, View

Condition = Callable[[FromClause], ColumnElement[bool]]
"""What holds of the rows of `version` or an alias of it."""


def record_column(table: FromClause, view: View) -> Column[int]:
    """Return the column of `study` or `series` that names the record it is shown with; `NOTHING_SHOWN` for none."""
    return table.c.record_id if view is View.ORDINARY else table.c.quality_record_id  # type: ignore[return-value]


def seen(version: FromClause, view: View) -> ColumnElement[bool]:
    """Return the condition that a version is what is given of its instance."""
    return or_(*(condition(version) for condition in seen_as(view)))


def seen_as(view: View) -> tuple[Condition, ...]:
    """Return the conditions one of which a version fulfils that is given of its instance; an index answers each."""
    return _standing(view, VersionState.SERVED)


def live(version: FromClause, view: View) -> ColumnElement[bool]:
    """Return the condition that what a version says of its study counts."""
    states = VersionState.SERVED, VersionState.ASIDE
    return or_(*(condition(version) for state in states for condition in _standing(view, state)))


def said(record: FromClause, version: FromClause, view: View) -> ColumnElement[bool]:
    """Return the condition that a version, of an alias, whose word counts says what a record of a study holds."""
    says_so = (version.c.study_id == record.c.study_id, version.c.study_record_id == record.c.id, live(version, view))
    return exists().where(and_(*says_so)).correlate(record)


def _standing(view: View, state: VersionState) -> tuple[Condition, ...]:
    def stands(version: FromClause) -> ColumnElement[bool]:
        return version.c.state == state.value

    def stood(version: FromClause) -> ColumnElement[bool]:
        return and_(version.c.state == VersionState.REJECTED.value, version.c.state_before == state.value)

    return (stands,) if view is View.ORDINARY else (stands, stood)
