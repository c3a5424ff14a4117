"""A statement from outside, read against what is allowed, and written anew from what was read.

The parser is not PostgreSQL's own: what it makes of a text may differ from what PostgreSQL would.
That does not matter, since the text is not sent. Sent is what the tree says, every name quoted.
"""

import re
from collections.abc import Iterator, Mapping

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from citewell.domain.errors import InvalidError
from citewell.domain.records import VIEWS

MOST_CHARACTERS = 4_000
MOST_NODES = 600
# Joined texts can be joined again: few of them, and no text grows without measure.
MOST_JOINS = 6
MOST_TABLES = 6
PREFIX = "records_"

_NODES = frozenset({
    # The parts of a query.
    exp.Select, exp.Union, exp.Intersect, exp.Except, exp.Subquery, exp.With, exp.CTE, exp.From,
    exp.Join, exp.Where, exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Limit, exp.Offset,
    exp.Distinct, exp.Table, exp.TableAlias, exp.Alias, exp.Column, exp.Identifier, exp.Star,
    # Values, comparisons and arithmetic; no power, whose result has any size.
    exp.Literal, exp.Null, exp.Boolean, exp.Paren, exp.Tuple, exp.Neg, exp.Add, exp.Sub, exp.Mul,
    exp.Div, exp.Mod, exp.DPipe, exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT,
    exp.LTE, exp.Is, exp.In, exp.Between, exp.Like, exp.ILike, exp.Exists, exp.Case, exp.If,
    exp.Cast, exp.DataType, exp.Interval, exp.Var,
    # Functions, none of which looks or reaches outside of its arguments.
    exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Filter, exp.Coalesce, exp.Nullif, exp.Lower,
    exp.Upper, exp.Length, exp.Trim, exp.Substring, exp.Round, exp.Abs, exp.Floor, exp.Ceil,
    exp.Greatest, exp.Least, exp.Extract, exp.TimestampTrunc, exp.CurrentDate,
    exp.CurrentTimestamp, exp.AtTimeZone,
})  # fmt: skip
_TYPES = frozenset({
    exp.DType.TEXT, exp.DType.VARCHAR, exp.DType.INT, exp.DType.BIGINT, exp.DType.SMALLINT,
    exp.DType.DECIMAL, exp.DType.DOUBLE, exp.DType.FLOAT, exp.DType.BOOLEAN, exp.DType.DATE,
    exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ, exp.DType.UUID, exp.DType.INTERVAL,
})  # fmt: skip
_UNITS = frozenset({
    "SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR", "DOW", "ISODOW", "DOY",
    "EPOCH", "SECONDS", "MINUTES", "HOURS", "DAYS", "WEEKS", "MONTHS", "YEARS",
})  # fmt: skip
_NUMBER = re.compile(r"\d{1,30}(?:\.\d{0,30})?(?:[eE][+-]?\d{1,2})?|\.\d{1,30}")
# What a node may carry beside other nodes, by its argument and the values that it may have.
_FLAGS: Mapping[str, frozenset[object]] = {
    "side": frozenset({"LEFT", "RIGHT", "FULL"}),
    "kind": frozenset({"INNER", "OUTER", "CROSS"}),
    "distinct": frozenset({True}),
    "desc": frozenset({True}),
    "negate": frozenset({True}),
    "nulls_first": frozenset({True}),
    "big_int": frozenset({True}),
    "is_string": frozenset({True}),
    "quoted": frozenset({True}),
    "safe": frozenset({True}),
    "typed": frozenset({True}),
    "position": frozenset({"LEADING", "TRAILING", "BOTH"}),
}


def checked(statement: str) -> str:
    """The statement as it is sent: one query over the views, with allowed functions only.

    Raises `InvalidError` naming what is not allowed.
    """
    tree = _parsed(statement)
    if not isinstance(tree, exp.Select | exp.SetOperation):
        raise _refused("Only a SELECT is answered")
    nodes = list(_bounded(tree))
    for node in nodes:
        _check_node(node)
    own = _own_tables(nodes)
    tables = [node for node in nodes if isinstance(node, exp.Table)]
    if len(tables) > MOST_TABLES:
        raise _refused(f"More than {MOST_TABLES} tables are joined")
    if sum(isinstance(node, exp.DPipe) for node in nodes) > MOST_JOINS:
        raise _refused(f"More than {MOST_JOINS} texts are joined")
    for table in tables:
        _to_view(table, own)
    for node in nodes:
        if isinstance(node, exp.Identifier) and not node.args.get("quoted"):
            # As PostgreSQL folds it; quoted, no name can be taken for anything but a name.
            node.set("this", node.name.lower())
            node.args["quoted"] = True
    return tree.sql(dialect="postgres", comments=False)


def _parsed(statement: str) -> exp.Expr:
    if len(statement) > MOST_CHARACTERS:
        raise _refused(f"The statement has more than {MOST_CHARACTERS:,} characters")
    try:
        found = [one for one in sqlglot.parse(statement, dialect="postgres") if one is not None]
    # Beside its own errors the parser stumbles over nonsense in these ways.
    except (
        SqlglotError, RecursionError, ValueError, TypeError, AttributeError, LookupError,
    ) as error:  # fmt: skip
        raise _refused("The statement cannot be read as SQL") from error
    if len(found) != 1:
        raise _refused("One statement is answered at a time")
    return found[0]


def _bounded(tree: exp.Expr) -> Iterator[exp.Expr]:
    for count, node in enumerate(tree.walk()):
        if count >= MOST_NODES:
            raise _refused("The statement is too long")
        yield node


def _check_node(node: exp.Expr) -> None:
    if type(node) not in _NODES:
        raise _refused(f"{_named(node)} is not allowed")
    for name, value in node.args.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, exp.Expr) or one is None or one is False or one == "":
                continue
            if not _is_plain(node, name, one):
                raise _refused(f"{_named(node)} cannot be used in this way")


def _is_plain(node: exp.Expr, name: str, value: object) -> bool:
    """Whether a value that is no node may stand there."""
    match node:
        case exp.Literal() if name == "this":
            return bool(node.args.get("is_string")) or _NUMBER.fullmatch(str(value)) is not None
        case exp.Identifier() if name == "this":
            return True
        case exp.Var() if name == "this":
            return str(value).upper() in _UNITS
        case exp.DataType() if name == "this":
            return value in _TYPES
        case exp.Boolean() if name == "this":
            return True
    return name in _FLAGS and value in _FLAGS[name]


def _own_tables(nodes: list[exp.Expr]) -> set[str]:
    """The names that the statement itself gives to queries."""
    own = {node.alias.lower() for node in nodes if isinstance(node, exp.CTE)}
    if clash := own & VIEWS.keys():
        raise _refused(f"{min(clash)!r} is the name of a view already")
    return own


def _to_view(table: exp.Table, own: set[str]) -> None:
    name = table.name.lower()
    plain = isinstance(table.this, exp.Identifier) and not (table.db or table.catalog)
    if plain and name in own:
        return
    if not plain or name not in VIEWS:
        raise _refused(f"There is no view {table.sql()[:60]!r}; there are {', '.join(VIEWS)}")
    if not table.alias:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
    table.set("this", exp.to_identifier(PREFIX + name, quoted=True))


def _named(node: exp.Expr) -> str:
    name = node.name if isinstance(node, exp.Anonymous) else type(node).__name__
    return f"{name[:40]!r}"


def _refused(what: str) -> InvalidError:
    return InvalidError(
        f"{what}.",
        hint=f"Write one SELECT over the views {', '.join(VIEWS)}, with joins, conditions, groups,"
        " order, and plain functions of numbers, texts and times.",
    )
