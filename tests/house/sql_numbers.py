# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers in the SQL of src/store, and what each is compared with or stored in; for test_sql_numbers.py.

A statement is a run of string literals with the macros between them put in. Of each number in it the subject
is found: the column that it is compared with, assigned to or inserted into, and the table of that column."""

import os
import re

C_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)+\'|\w+|[^\w\s]', re.S)
SQL_TOKEN = re.compile(r"/\*.*?\*/|'[^']*'|\?\d*|[A-Za-z_][\w.]*|\d[\w.]*|<>|<=|>=|!=|\|\||[^\w\s]", re.S)
SQL = re.compile(r"\b(ALTER|SELECT|UPDATE|INSERT|DELETE|WHERE|AND|OR|SET|FROM|CREATE|CASE|LIMIT|EXISTS|IN) |\w(=|<|>)[\d?]|\d/\*")
DEFINE = re.compile(r'^\s*#\s*define\s+(\w+)\s+((?:"(?:[^"\\\n]|\\.)*"|\w+|\\\n|[ \t])+)$', re.M)
COMPARE = {"=", "<>", "!=", "<", ">", "<=", ">=", "&"}
TABLE = re.compile(r"\b(?:FROM|JOIN|UPDATE|INTO|ON(?= \w+ (?:\(|WHEN)))\s+(\w+)(?:\s+(?:AS\s+)?(\w+))?|,\s*(\w+)\s+(\w)\s+WHERE")
WORDS = {"WHERE", "ON", "SET", "INDEXED", "JOIN", "CROSS", "ORDER", "GROUP", "UNION", "LIMIT", "BEGIN", "WHEN", "SELECT"}


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def constants(root):
    """{name: (enum, value)} of every enum in the headers below src/; of #define NAME NUMBER the enum is ''."""
    found = {}
    for folder, _, names in os.walk(os.path.join(root, "src")):
        for name in sorted(names):
            if not name.endswith(".h"):
                continue
            text = re.sub(r"/\*.*?\*/", " ", read(os.path.join(folder, name)), flags=re.S)
            for enum, body in re.findall(r"\benum (\w+)\s*\{([^}]*)\}", text):
                value = -1
                for one in filter(None, (part.strip() for part in body.split(","))):
                    constant, _, given = (t.strip() for t in one.partition("="))
                    value = int(given) if re.fullmatch(r"-?\d+", given) else value + 1
                    found[constant] = (enum, value)
            for constant, value in re.findall(r"^#define (\w+) (\d+)u?$", text, re.M):
                found[constant] = ("", int(value))
    return found


def macros(text):
    """{name: string} of the macros that are strings."""
    found = {}
    for name, body in DEFINE.findall(text):
        parts = [p for p in C_TOKEN.findall(body) if p != "\\"]
        if parts and any(p.startswith('"') for p in parts):
            found[name] = "".join(p[1:-1] if p.startswith('"') else found.get(p, f" {p} ") for p in parts)
    return found


def statements(text, known):
    """(SQL, the place in the file of each of its characters; None where a macro stands) of a C file."""
    run, places = "", []
    for match in C_TOKEN.finditer(text):
        token = match.group()
        if token.startswith(("/*", "//")) or token == "\\":
            continue
        if token.startswith('"'):
            run += token[1:-1]
            places += range(match.start() + 1, match.end() - 1)
        elif token in known or run and re.fullmatch("[A-Z][A-Z0-9_]+", token):
            put = known.get(token, f" {token} ")
            run += put
            places += [None] * len(put)
        else:
            if SQL.search(run):
                yield run, places
            run, places = "", []
    if SQL.search(run):
        yield run, places


class Number:
    """A number in a statement: .value, .name that its comment gives or None, .column and .table it is for (None:
    not known), .place in the file, .before: the two tokens before it."""

    def __init__(self, value, name, column, table, place, before):
        self.value, self.name, self.column, self.table = value, name, column, table
        self.place, self.before = place, before


def opening(tokens, at):
    """The place of the parenthesis around tokens[at], or -1."""
    depth = 0
    for i in range(at - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(tokens[i], 0)
        if depth < 0:
            return i
    return -1


def case_of(tokens, at):
    """The place of the CASE that tokens[at] (a WHEN, THEN or ELSE) belongs to, or -1."""
    depth = 0
    for i in range(at - 1, -1, -1):
        depth += {"END": 1, "CASE": -1}.get(tokens[i], 0)
        if depth < 0:
            return i
    return -1


def inserted(tokens, at):
    """The column that a whole expression in VALUES(...) or INSERT ... SELECT goes to, or None."""
    start = opening(tokens, at)
    if start > 0 and tokens[start - 1] == "VALUES":
        first, into = start + 1, start - 2
    else:
        selects = [i for i in range(start + 1, at) if tokens[i] == "SELECT" and opening(tokens, i) == start]
        if not selects or "FROM" in tokens[selects[-1]:at]:
            return None
        first, into = selects[-1] + 1, selects[-1] - 1
    if into < 0 or tokens[into] != ")":
        return None
    begin = opening(tokens, into)
    columns = [t for t in tokens[begin + 1:into] if t != ","]
    index = sum(1 for i in range(first, at) if tokens[i] == "," and opening(tokens, i) == opening(tokens, at))
    return columns[index] if index < len(columns) else None


def subject(tokens, at):
    """The column that tokens[at] is compared with, assigned to or inserted into; '?...' or None otherwise."""
    before = tokens[at - 1] if at else ""
    if before == "~":
        return subject(tokens, at - 1)
    if before in COMPARE and at > 1:
        return tokens[at - 2]
    if at + 2 < len(tokens) and tokens[at + 1] in COMPARE and tokens[at + 2][0].isalpha():
        return tokens[at + 2]
    start = opening(tokens, at)
    if start > 1 and tokens[start - 1] == "IN" and "SELECT" not in tokens[start:at]:
        return tokens[start - 2]
    if before == "WHEN":
        case = case_of(tokens, at - 1)
        return tokens[case + 1] if case >= 0 and tokens[case + 1] != "WHEN" else None
    if before in ("THEN", "ELSE"):
        case = case_of(tokens, at - 1)
        if case > 1 and tokens[case - 1] == "=":
            return tokens[case - 2]
        return inserted(tokens, case) if case > 0 else None
    if before in (",", "(", "SELECT"):
        return inserted(tokens, at)
    return None


def tables(text):
    """{alias or name: table} of one scope."""
    found = {}
    for table, alias, other, short in TABLE.findall(text):
        table, alias = table or other, alias or short
        found[table] = table
        if alias and alias.upper() not in WORDS:
            found[alias] = table
    return found


def scope_tables(tokens, at):
    """The same of each scope around tokens[at], the innermost first."""
    scopes, where = [], at
    while True:
        start = opening(tokens, where)
        depth, mine = 0, []
        for token in tokens[start + 1:]:
            depth += {"(": 1, ")": -1}.get(token, 0)
            if depth < 0:
                break
            if depth == 0 or token == "(":
                mine.append(token)
        found = tables(" ".join(mine))
        if found:
            scopes.append(found)
        if start < 0:
            return scopes
        where = start


def numbers(sql, places, columns):
    """Every number of a statement; columns: {table: names of its columns}."""
    matches = [m for m in SQL_TOKEN.finditer(sql)]
    tokens = [m.group() for m in matches if not m.group().startswith("/*")]
    comments, real = {}, []
    for m in matches:
        if m.group().startswith("/*"):
            comments[len(real) - 1] = m.group()[2:-2].strip()
        else:
            real.append(m)
    for at, match in enumerate(real):
        if not tokens[at].isdigit():
            continue
        name = subject(tokens, at)
        table = None
        if name and name[0].isalpha():
            alias, _, name = name.rpartition(".")
            for scope in scope_tables(tokens, at):
                held = {t for t in ([scope.get(alias)] if alias else set(scope.values()))
                        if name in columns.get(t, ())}
                if held:
                    table = held.pop() if len(held) == 1 else None
                    break
        yield Number(int(tokens[at]), comments.get(at), name, table, places[match.end() - 1], tokens[max(0, at - 2):at])


def schema_columns(text):
    """{table: columns} of the CREATE TABLE and ADD COLUMN in schema.c."""
    sql = " ".join(run for run, _ in statements(text, macros(text)))
    found = {}
    for table, body in re.findall(r"CREATE TABLE (\w+)\((.*?)\)(?: WITHOUT ROWID)?;", sql):
        body = re.sub(r"\([^)]*\)", "", body)
        found[table] = {one.split()[0] for one in body.split(",") if one.split()[0] not in ("UNIQUE", "PRIMARY")}
    for table, column in re.findall(r"ALTER TABLE (\w+) ADD COLUMN (\w+)", sql):
        found[table].add(column)
    return found


def schema_integers(text):
    """(table, column) of every column declared INTEGER."""
    sql = " ".join(run for run, _ in statements(text, macros(text)))
    for table, body in re.findall(r"CREATE TABLE (\w+)\((.*?)\)(?: WITHOUT ROWID)?;", sql):
        for column in re.findall(r"(?:^|,)\s*(\w+) INTEGER", body):
            yield table, column
    yield from re.findall(r"ALTER TABLE (\w+) ADD COLUMN (\w+) INTEGER", sql)
