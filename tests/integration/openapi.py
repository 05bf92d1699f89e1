"""docs/openapi.yaml has the paths, methods and query parameters of scheduler/api/route.c, no more and
no less. Reads both by their layout: no YAML module is needed."""
import os
import re

from support import SOURCE, equal, main, true

ROUTE = re.compile(r'\{"(GET|POST)",\s*"(/[^"]+)",\s*[\w| ]+,\s*\{([^}]*)\}')
QUERY = re.compile(r"name: (\w+)(?:, |\s+)in: query")


def read(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as file:
        return file.read()


def routes():
    """{(method, path with * for what varies): its query parameters}"""
    found = ROUTE.findall(read("scheduler", "api", "route.c"))
    return {(method, path): set(re.findall(r'"(\w+)"', query)) for method, path, query in found}


def described(text):
    """The same of an OpenAPI text: paths at two spaces, methods at four."""
    out, path, method = {}, None, None
    paths = text.split("\npaths:\n")[1].split("\ncomponents:\n")[0]
    for line in paths.splitlines():
        if re.match(r"  /", line):
            path, method = re.sub(r"\{\w+\}", "*", line.strip().rstrip(":")), None
        elif re.fullmatch(r"    (get|post):", line):
            method = (line.strip().rstrip(":").upper(), path)
            out[method] = ""
        elif method:
            out[method] += line.replace("parameters/Revision", "name: revision in: query") + "\n"
    return {method: set(QUERY.findall(block)) for method, block in out.items()}


def test_the_description_has_every_route_and_no_other():
    table, text = routes(), read("docs", "openapi.yaml")
    true(len(table) > 30, f"the table of routes was not understood: {sorted(table)}")
    written = described(text)
    equal(sorted(set(table) - set(written)), [], "routes that are not described")
    equal(sorted(set(written) - set(table)), [], "described, but no route")
    for route, query in table.items():
        equal(sorted(written[route]), sorted(query), f"query parameters of {route}")


def test_every_reference_has_its_target():
    text = read("docs", "openapi.yaml")
    parts = dict(re.findall(r"^  (\w+):\n((?:    .*\n?)+)", text.split("\ncomponents:\n")[1], re.M))
    for part, name in set(re.findall(r"#/components/(\w+)/(\w+)", text)):
        true(re.search(rf"^    {name}:", parts[part], re.M), f"no {part} {name}")


def test_the_table_in_words_has_every_route_too():
    """docs/api.md, where /resume stands beside /pause."""
    words = re.sub(r"/[A-Z]\b", "/*", read("docs", "api.md"))
    for method, path in routes():
        true(f"`{method} {path}" in words or f"`/{path.rsplit('/', 1)[1]}`" in words,
             f"docs/api.md: {method} {path}")


def test_every_reason_is_described():
    reasons = re.findall(r'\[REASON_\w+\] = "(\w+)"', read("scheduler", "core", "delivery.c"))
    true(len(reasons) > 30, f"the reasons were not understood: {reasons}")
    enum = re.search(r"^    Reason:\n      type: string\n      enum: \[([^\]]*)\]",
                     read("docs", "openapi.yaml"), re.M)
    equal(sorted(re.findall(r"\w+", enum.group(1))), sorted(reasons), "docs/openapi.yaml")
    words = read("docs", "api.md").split("\n## Reasons\n")[1].split("\n## ")[0]
    equal([r for r in reasons if f"`{r}`" not in words], [], "docs/api.md does not name")


main(globals())
