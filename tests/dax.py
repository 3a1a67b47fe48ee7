# SPDX-License-Identifier: MIT
"""Computes the measures of powerbi/ on MariaDB: the part of DAX that they are written in, with sums as SQL over the views, of the model's
currency where a table has one. What is not understood is refused. Decimals stay decimals, dates and times are datetimes, blank is None;
the tables of the model have no relationships, so a filter is of its own table alone."""

import datetime
import decimal
import operator
import re

TOKEN = re.compile(r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<column>(?:'[^']+'|\w+)\[[^\]]+\])|(?P<measure>\[[^\]]+\])|(?P<name>\w+|'[^']+')|(?P<sign>&&|<>|<=|>=|[-+*/=<>(),]))")
COMPARE = {"=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class Parser:
    """One expression as nested tuples: (what, ...)."""

    def __init__(self, text):
        self.tokens, at, end = [], 0, len(text.rstrip())
        while at < end:
            match = TOKEN.match(text, at)
            assert match, f"not understood: {text[at:]}"
            self.tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()
        self.tree = self.expression()
        assert not self.tokens, self.tokens

    def next_is(self, *texts):
        return self.tokens and self.tokens[0][1] in texts

    def take(self, *texts):
        assert not texts or self.next_is(*texts), (texts, self.tokens)
        return self.tokens.pop(0)

    def expression(self):
        if not self.next_is("VAR"):
            return self.chain(("&&",), self.comparison)
        variables = []
        while self.next_is("VAR"):
            self.take()
            name = self.take()[1]
            self.take("=")
            variables.append((name, self.expression()))
        self.take("RETURN")
        return ("var", variables, self.expression())

    def chain(self, signs, part):
        tree = part()
        while self.next_is(*signs):
            tree = ("binary", self.take()[1], tree, part())
        return tree

    def comparison(self):
        left = self.sum()
        return ("binary", self.take()[1], left, self.sum()) if self.next_is(*COMPARE) else left

    def sum(self):
        return self.chain(("+", "-"), lambda: self.chain(("*", "/"), self.primary))

    def primary(self):
        kind, text = self.take()
        if kind == "number":
            return ("value", decimal.Decimal(text))
        if kind == "measure":
            return ("measure", text[1:-1])
        if kind == "column":
            table, _, column = text[:-1].partition("[")
            return ("column", table.strip("'"), column)
        if text == "(":
            tree = self.expression()
            self.take(")")
            return tree
        assert kind == "name", text
        return self.call(text) if self.next_is("(") else ("name", text)

    def call(self, name):
        self.take("(")
        if name == "COUNTROWS":  # which takes a table
            table = self.take()[1].strip("'")
            self.take(")")
            return ("call", name, [("table", table)])
        arguments = [self.expression()]
        while self.next_is(","):
            self.take()
            arguments.append(self.expression())
        self.take(")")
        return ("call", name, arguments)


class Model:
    """`ask(sql, parameters)` gives the rows of a connection that has the views; `tables` are those of powerbi_files."""

    def __init__(self, tables, currency, ask):
        self.tables, self.currency, self.ask = tables, currency, ask
        self.views = {name: re.search(r'\[Name = "(\w+)"', one.source)[1] for name, one in tables.items()}
        self.measures = {name: dax for one in tables.values() for name, dax in one.measures.items()}

    def measure(self, name, filters=()):
        return self.value(Parser(self.measures[name]).tree, {}, filters)

    def value(self, tree, names, filters):
        kind = tree[0]
        if kind == "value":
            return tree[1]
        if kind == "name":
            return names[tree[1]]
        if kind == "measure":
            return self.measure(tree[1], filters)
        if kind == "var":
            for name, one in tree[1]:
                names = {**names, name: self.value(one, names, filters)}
            return self.value(tree[2], names, filters)
        if kind == "binary":
            return binary(tree[1], self.value(tree[2], names, filters), self.value(tree[3], names, filters))
        assert kind == "call", tree
        return getattr(self, f"do_{tree[1].lower()}")(tree[2], names, filters)

    def aggregate(self, function, table, filters):
        conditions, parameters = [], []
        if "[currency] = Currency" in self.tables[table].source:
            conditions, parameters = ["`currency` = %s"], [self.currency]
        for of_table, sql, values in filters:
            if of_table == table:
                conditions.append(sql)
                parameters += values
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        ((found,),) = self.ask(f"SELECT {function} FROM `{self.views[table]}`{where}", parameters)
        return found if not isinstance(found, int) else decimal.Decimal(found)

    def do_sum(self, arguments, _, filters):
        ((_, table, column),) = arguments
        return self.aggregate(f"SUM(`{column}`)", table, filters)

    def do_max(self, arguments, _, filters):
        ((_, table, column),) = arguments
        found = self.aggregate(f"MAX(`{column}`)", table, filters)
        is_date = isinstance(found, datetime.date) and not isinstance(found, datetime.datetime)
        return datetime.datetime.combine(found, datetime.time()) if is_date else found

    def do_countrows(self, arguments, _, filters):
        ((_, table),) = arguments
        return self.aggregate("NULLIF(COUNT(*), 0)", table, filters)

    def do_divide(self, arguments, names, filters):
        above, below = (self.value(one, names, filters) for one in arguments)
        return None if not below or above is None else above / below

    def do_if(self, arguments, names, filters):
        condition, then = arguments
        return self.value(then, names, filters) if self.value(condition, names, filters) else None

    def do_time(self, arguments, names, filters):
        hours, minutes, seconds = (int(self.value(one, names, filters)) for one in arguments)
        return datetime.timedelta(hours=hours, minutes=minutes, seconds=seconds)

    def do_calculate(self, arguments, names, filters):
        more = [self.kept(one, names, filters) for one in arguments[1:]]
        return self.value(arguments[0], names, [*filters, *more])

    def kept(self, tree, names, filters):
        """(table, SQL, its parameters) of KEEPFILTERS over one table's column."""
        assert tree[:2] == ("call", "KEEPFILTERS"), tree
        (condition,) = tree[2]
        tables, values = set(), []
        sql = self.condition(condition, names, filters, tables, values)
        (table,) = tables
        return table, sql, values

    def condition(self, tree, names, filters, tables, values):
        if tree[0] == "column":
            tables.add(tree[1])
            return f"`{tree[2]}`"
        if tree[0] == "binary" and (tree[1] == "&&" or tree[1] in COMPARE):
            left, right = (self.condition(one, names, filters, tables, values) for one in tree[2:])
            return f"({left} {'AND' if tree[1] == '&&' else tree[1]} {right})"
        values.append(self.value(tree, names, filters))
        return "%s"


def binary(sign, left, right):
    if sign in COMPARE:  # blank is 0 there
        return COMPARE[sign](left if left is not None else 0, right if right is not None else 0)
    if sign in "+-" and isinstance(left, datetime.datetime):
        right = datetime.timedelta(days=int(right)) if isinstance(right, decimal.Decimal) else right
    elif sign in "+-":
        if left is None and right is None:
            return None
        left, right = left or decimal.Decimal(0), right or decimal.Decimal(0)
    return {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}[sign](left, right)
