"""Statements of the hot path: built with SQLAlchemy, compiled once, run on the driver's own cursor.

A C-STORE runs about a dozen statements. Through `Connection.execute` each costs 0.1 to 0.2 ms of
CPU beside 0.02 ms in SQLite itself, measured with SQLAlchemy 2.1 and SQLite 3.40; that was more
than receiving and compressing a CT slice together. The schema, pooling, and everything that is not
run for every instance stay with SQLAlchemy.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import Any, ClassVar

import orjson
from sqlalchemy import BindParameter, ColumnElement, Engine, Executable, Table, bindparam, insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.sql.compiler import SQLCompiler

from vna.index.database import turn_of

Parameters = Mapping[str, Any]

_MOST_KEPT = 2000
_TRUSTED_S = 1.0
"""How long a connection to a server may rest until it is tried before it is used."""


class OneOf(ColumnElement[bool]):
    """A column has one of many values, which are one parameter: so the statement is the same for any number of them."""

    inherit_cache = False

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        self.column = column
        self.values: BindParameter[Any] = bindparam(name)


def one_of(column: ColumnElement[Any], name: str) -> OneOf:
    """Return the condition that a column has one of the values of a parameter, which `Cursor.several` makes."""
    return OneOf(column, name)


class Compiler:
    """Compiles statements for one kind of database, each once in a process."""

    _of_dialects: ClassVar[dict[type, dict[Any, "_Compiled"]]] = {}

    def __init__(self, engine: Engine) -> None:
        self._dialect = engine.dialect
        self.is_sqlite = engine.dialect.name == "sqlite"
        self.driver_error: type[Exception] = self._dialect.import_dbapi().Error
        self._compiled = self._of_dialects.setdefault(type(self._dialect), {})

    def compiled(self, clause: Executable) -> "_Compiled":
        """Return a statement with bound parameters, compiled."""
        found = self._compiled.get(clause)
        if found is None:
            found = self._keep(clause, _Compiled(clause.compile(dialect=self._dialect)))  # type: ignore[attr-defined]
        return found

    def compiled_insert(self, table: Table, columns: tuple[str, ...], *, unless_there: bool) -> "_Compiled":
        """Return the insert of these columns, compiled."""
        key = (table, columns, unless_there)
        found = self._compiled.get(key)
        if found is None:
            clause = insert(table).inline().compile(dialect=self._dialect, column_keys=list(columns))
            found = self._keep(key, _Compiled(clause))
            if unless_there:
                found.sql += " ON CONFLICT DO NOTHING"
        return found

    def _keep(self, key: Any, compiled: "_Compiled") -> "_Compiled":
        if len(self._compiled) >= _MOST_KEPT:  # clients combine keys as they like
            self._compiled.clear()
        self._compiled[key] = compiled
        return compiled


@compiles(OneOf)
def _one_of(element: OneOf, compiler: SQLCompiler, **options: Any) -> str:
    column, values = compiler.process(element.column, **options), compiler.process(element.values, **options)
    if compiler.dialect.name == "sqlite":
        return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - both are compiled clauses
    return f"{column} = ANY ({values})"


class Statements(Compiler):
    """Runs statements on a connection that it keeps."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._engine = engine
        self._lock = threading.Lock()
        self._kept: PoolProxiedConnection | None = None
        self._used_at = 0.0
        self.connections = 0
        """How many connections were opened: whether it is still the same one, and so the same database."""
        self._turn = turn_of(engine)

    def close(self) -> None:
        """Give the connection back; the next use opens one again."""
        with self._lock:
            self._give_up()

    @contextmanager
    def transaction(self) -> Iterator["Cursor"]:
        """Run a transaction, locked for writing from its start; any error undoes it.

        Through `Engine.begin` an empty one costs 0.14 ms of CPU, this way 0.02 ms.
        """
        with self._connected() as connection, self._turn:
            try:
                cursor = Cursor(self, connection.cursor())
                if self.is_sqlite:
                    cursor.execute("BEGIN IMMEDIATE")
                yield cursor
                connection.commit()
            except BaseException:
                connection.rollback()
                raise

    @contextmanager
    def reading(self) -> Iterator["Cursor"]:
        """Read what is committed, outside of any transaction of one's own.

        Raises:
            sqlalchemy.exc.DBAPIError: the database cannot be read; the driver's own errors are made into it.
        """
        try:
            with self._connected() as connection:
                yield Cursor(self, connection.cursor())
                if not self.is_sqlite:  # the driver has begun one, whose snapshot must not stay
                    connection.rollback()
        except self.driver_error as exc:
            raise OperationalError(None, None, exc) from exc

    @contextmanager
    def _connected(self) -> Iterator[PoolProxiedConnection]:
        """Give the connection that is kept, to one thread at a time; an error ends it, as it may be broken.

        Taking one from the pool and giving it back costs 0.1 ms of CPU, as much as four statements. One to a server
        that has been away since is replaced.
        """
        with self._lock:
            self._give_up_if_dead()
            if self._kept is None:
                self._kept = self._engine.raw_connection()
                self.connections += 1
            try:
                yield self._kept
            except BaseException:
                self._give_up()
                raise
            self._used_at = time.monotonic()

    def _give_up_if_dead(self) -> None:
        """Try a connection that has rested."""
        if self._kept is None or self.is_sqlite or time.monotonic() - self._used_at < _TRUSTED_S:
            return
        try:
            self._dialect.do_ping(self._kept.dbapi_connection)  # type: ignore[arg-type]
        except self.driver_error:
            self._give_up()

    def _give_up(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.invalidate()


class _Compiled:
    """The text of a statement, and how its parameters are handed to the driver."""

    def __init__(self, compiled: Any) -> None:
        if not isinstance(compiled, SQLCompiler):
            raise TypeError("not a statement")
        self.sql = compiled.string
        order = compiled.positiontup
        self._by_name = order is None
        self._in_order = _picker(order or ())
        self._fixed = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}

    def arguments(self, parameters: Parameters) -> Any:
        """Return the parameters as the driver wants them: in order, or by name."""
        values = {**self._fixed, **parameters} if self._fixed else parameters
        return values if self._by_name else self._in_order(values)


def _picker(names: Sequence[str]) -> Callable[[Parameters], Sequence[Any]]:
    """Return what picks the values of these names, in order."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: [values[name] for name in names]


class Cursor:
    """Runs compiled statements in one transaction; errors are the driver's own."""

    def __init__(self, compiler: Compiler, cursor: Any) -> None:
        self._compiler, self._cursor = compiler, cursor

    @property
    def of_driver(self) -> Any:
        """The driver's cursor."""
        return self._cursor

    def all(self, clause: Executable, parameters: Parameters) -> Sequence[tuple[Any, ...]]:
        """Return all rows of a query."""
        self._run(self._compiler.compiled(clause), parameters)
        rows: Sequence[tuple[Any, ...]] = self._cursor.fetchall()
        return rows

    def first(self, clause: Executable, parameters: Parameters) -> tuple[Any, ...] | None:
        """Return the first row of a query."""
        rows = self.all(clause, parameters)
        return rows[0] if rows else None

    def scalar(self, clause: Executable, parameters: Parameters) -> Any:
        """Return the first column of the first row, None if there is no row."""
        row = self.first(clause, parameters)
        return None if row is None else row[0]

    def do(self, clause: Executable, parameters: Parameters) -> None:
        """Run a statement that gives no rows."""
        self._run(self._compiler.compiled(clause), parameters)

    def several(self, values: Sequence[int] | Sequence[str]) -> Any:
        """Return the parameter of `one_of` that stands for all of these values."""
        return orjson.dumps(values).decode() if self._compiler.is_sqlite else list(values)

    def insert(self, table: Table, row: Parameters, *, unless_there: bool = False) -> bool:
        """Insert one row; `unless_there` leaves a row with the same key as it is. Return whether it is new."""
        self._run(self._compiler.compiled_insert(table, tuple(row), unless_there=unless_there), row)
        return bool(self._cursor.rowcount)

    def execute(self, sql: str) -> None:
        """Run a statement that has no parameters and is the same in every dialect."""
        self._cursor.execute(sql)

    def insert_many(self, table: Table, rows: Sequence[Parameters]) -> None:
        """Insert rows that have the same columns, in one call of the driver."""
        if rows:
            compiled = self._compiler.compiled_insert(table, tuple(rows[0]), unless_there=False)
            self._cursor.executemany(compiled.sql, [compiled.arguments(row) for row in rows])

    def insert_all(self, table: Table, rows: Iterable[Parameters]) -> None:
        """Insert rows."""
        for row in rows:
            self.insert(table, row)

    def _run(self, compiled: _Compiled, parameters: Parameters) -> None:
        self._cursor.execute(compiled.sql, compiled.arguments(parameters))
