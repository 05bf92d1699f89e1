"""Every text that people read has its Chinese, and no other text hides between them.

Reads the sources: the texts inside tr(...) and TR_TABLE(...), the table of lang_zh.c. The last test
breaks a copy of each and wants to see it found.
"""
import errno
import os
import re

from support import SOURCE, equal, main, true

LITERAL = r'"(?:[^"\\\n]|\\.)*"'
TOKEN = re.compile(rf"//[^\n]*|/\*.*?\*/|'(?:[^'\\\n]|\\.)*'|({LITERAL})|([()])", re.S)
LITERALS = re.compile(rf"{LITERAL}(?:\s*{LITERAL})*")
SPECIFIER = re.compile(r"%(?:%|[-+ #0]*(?:\d+|\*)?(?:\.(?:\d+|\*)?)?(?:hh|h|ll|l|j|z|t)?[a-zA-Z])")
SPOKEN = re.compile(r"\b(?:say|args_wrong|err_set|diag_add)\(")
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "'": "'", '"': '"', "\\": "\\", "0": "\0"}
# What libraries and plugins say passes through tr() as a variable: errno, libyaml's syntax errors,
# and any text of a plugin (it sees no header of ours but the channel's).
ERRNO = {os.strerror(number) for number in errno.errorcode}
YAML = re.compile(r"(while (parsing|scanning)|found|did not find|could not find|mapping (values|keys) "
                  r"are|block sequence entries are)\b")


def text_of(literals):
    """What adjacent C string literals say."""
    inner = "".join(part[1:-1] for part in re.findall(LITERAL, literals))
    return re.sub(r"\\(.)", lambda m: ESCAPES[m.group(1)], inner)


def call_at(source, opened):
    """What stands between the parenthesis at `opened` and its end, comments taken out."""
    depth, at, out = 0, opened, []
    for token in TOKEN.finditer(source, opened):
        out.append(source[at:token.start()])
        at = token.end()
        if token.group(1):
            out.append(token.group(0))
        elif token.group(2):
            out.append(token.group(0))
            depth += 1 if token.group(2) == "(" else -1
            if depth == 0:
                break
    return "".join(out)


def without_comments(source):
    return TOKEN.sub(lambda m: " " if m.group(0).startswith(("//", "/*")) else m.group(0), source)


def sources(root):
    for top in ("scheduler", "plugins"):
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                if name.endswith((".c", ".h")) and name != "lang_zh.c":
                    path = os.path.join(folder, name)
                    with open(path, encoding="utf-8") as file:
                        yield os.path.relpath(path, root), without_comments(file.read())


def marked(source):
    for call in re.finditer(r"\b(?:tr|TR_TABLE)\(", source):
        for literals in LITERALS.findall(call_at(source, call.end() - 1)):
            yield text_of(literals)


def unmarked(source):
    """English that is said without tr(): at least two words outside of every tr(...)."""
    for call in SPOKEN.finditer(source):
        inside = call_at(source, call.end() - 1)
        while (inner := re.search(r"\btr\(", inside)):
            inside = inside[:inner.start()] + inside[inner.end() - 1 +
                                                     len(call_at(inside, inner.end() - 1)):]
        if "ERR_INTERNAL" in inside:  # a fault of ours: for those who read the source
            continue
        for literals in LITERALS.findall(inside):
            if re.search(r"[A-Za-z]{2,} [A-Za-z]{2,}", text_of(literals)):
                yield text_of(literals)


def table(source):
    """[(English, Chinese)] of lang_zh.c, in its order."""
    return [(text_of(en), text_of(zh)) for en, zh in
            re.findall(rf"\{{((?:{LITERAL}\s*)+),\s*((?:{LITERAL}\s*)+)\}}", source)]


def faults(texts, pairs, others=frozenset()):
    """What is wrong with the table for these texts; `others` may stand in it and need not."""
    out = []
    keys = [en for en, _ in pairs]
    out += [f"no Chinese: {text!r}" for text in sorted(texts - set(keys))]
    out += [f"nobody says: {en!r}" for en in keys
            if en not in texts | others | ERRNO and not YAML.match(en)]
    for before, after in zip(keys, keys[1:]):
        if before.encode() >= after.encode():
            out.append(f"out of order, or twice: {after!r}")
    for en, zh in pairs:
        if SPECIFIER.findall(en) != SPECIFIER.findall(zh):
            out.append(f"other values: {en!r} and {zh!r}")
        if re.match(r"\s*", en)[0].count("\n") != re.match(r"\s*", zh)[0].count("\n") or \
                en.endswith("\n") != zh.endswith("\n"):
            out.append(f"other line breaks: {en!r} and {zh!r}")
        if en.startswith(">") != zh.startswith(">"):
            out.append(f"a column of numbers in one language only: {en!r} and {zh!r}")
        if not zh:
            out.append(f"empty: {en!r}")
    return out


def read():
    """The marked texts, the table, and what the plugins say."""
    texts, plugins = set(), set()
    for path, source in sources(SOURCE):
        texts.update(marked(source))
        if path.startswith("plugins"):
            plugins.update(text_of(literals) for literals in LITERALS.findall(source))
    with open(os.path.join(SOURCE, "scheduler/base/lang_zh.c"), encoding="utf-8") as file:
        return texts, table(without_comments(file.read())), plugins


# --- tests ------------------------------------------------------------------------------------------


def test_every_text_has_its_chinese_and_nothing_else_is_there():
    texts, pairs, plugins = read()
    true(len(texts) > 300 and len(pairs) > 300, f"{len(texts)} texts, {len(pairs)} pairs are read")
    equal(faults(texts, pairs, plugins), [], "faults")


def test_nothing_is_said_without_being_marked():
    found = [f"{path}: {text!r}" for path, source in sources(SOURCE) for text in unmarked(source)]
    equal(found, [], "texts without tr()")


def test_each_fault_is_found():
    texts, pairs, _ = read()
    pairs = [(en, zh) for en, zh in pairs if en in texts]
    spot = next(i for i, (en, _) in enumerate(pairs) if "%s" in en)
    en, zh = pairs[spot]
    rest = pairs[:spot] + pairs[spot + 1:]
    equal(faults(texts, rest), [f"no Chinese: {en!r}"], "an entry gone")
    equal(faults(texts - {en}, pairs), [f"nobody says: {en!r}"], "a text gone")
    equal(len(faults(texts, rest + [pairs[spot]])), 1, "faults of an entry out of order")
    wrong = pairs[:spot] + [(en, zh.replace("%s", "%d", 1))] + pairs[spot + 1:]
    equal(len(faults(texts, wrong)), 1, "faults of another specifier")
    source = 'say(cli, "some words"); say(cli, tr("one" /* "x" */ " two (")); say(cli, "%s", x);'
    equal(list(marked(without_comments(source))), ["one two ("], "texts of a line")
    equal(list(unmarked(without_comments(source))), ["some words"], "unmarked texts of a line")


main(globals())
