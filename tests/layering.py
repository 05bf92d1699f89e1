#!/usr/bin/env python3
"""Holds the layering: who may include whom, and that core and engine touch nothing of the world.

For scheduler/core and scheduler/engine, compiled as strict C17: no header of the forbidden list is
pulled in, directly or not; only headers of the allow-list are asked for; the object files leave only
allowed symbols undefined. For every layer: own headers only of the layers its line in
scheduler/CMakeLists.txt USES, third-party headers only of the libraries it LIBS. Plugins include
channel/channel.h and nothing else of ours beside what stands in plugins/. Each header compiles alone.
The last tests put a fault into a copy and want to see it found.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "integration"))
from support import SOURCE, equal, main, true  # noqa: E402

CC = os.environ.get("CC", "gcc")
STRICT = ["-std=c17", "-pedantic"]

PLAIN_HEADERS = {"assert.h", "inttypes.h", "limits.h", "stdalign.h", "stdarg.h", "stdbool.h",
                 "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h"}
FORBIDDEN_HEADERS = re.compile(
    r"/(uv\.h|uv/|sqlite3\.h|curl/|microhttpd\.h|jansson\.h|yaml\.h|openssl/|utf8proc\.h|time\.h|"
    r"sys/time\.h|unistd\.h|pthread\.h|threads\.h|signal\.h|fcntl\.h|sys/socket\.h|sys/stat\.h|"
    r"sys/mman\.h|locale\.h|errno\.h)")
# stdio.h and stdlib.h are for snprintf and qsort: what else they declare is stopped by these
PURE_SYMBOLS = {"__assert_fail", "abort", "memchr", "memcmp", "memcpy", "memmove", "memset", "strchr",
                "strcmp", "strlen", "strncmp", "snprintf", "qsort", "bsearch", "abs",
                "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_"}
LAYERS = {  # libc symbols, and the files of base whose functions the layer may call
    "core": (PURE_SYMBOLS, {"heap.c"}),
    "engine": (PURE_SYMBOLS | {"free"}, {"heap.c", "arena.c"}),
}
THIRD_PARTY = {"uv.h": "libuv", "sqlite3.h": "sqlite3", "curl/": "libcurl",
               "microhttpd.h": "libmicrohttpd", "jansson.h": "jansson", "yaml.h": "yaml_0_1",
               "openssl/": "libcrypto", "utf8proc.h": "libutf8proc", "systemd/": "libsystemd"}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^">]+)[">]', re.M)


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    true(done.returncode == 0, f"{' '.join(command)}: {done.stderr[:2000]}")
    return done.stdout


def files(folder, *endings):
    return sorted(os.path.join(folder, n) for n in os.listdir(folder) if n.endswith(endings))


def includes(path):
    with open(path, encoding="utf-8") as file:
        return INCLUDE.findall(file.read())


def layer_table(root):
    """{layer: (the layers it uses, the libraries it is linked with)}, as CMake reads it."""
    with open(os.path.join(root, "scheduler", "CMakeLists.txt"), encoding="utf-8") as file:
        text = file.read()
    table = {}
    for name, rest in re.findall(r"^layer\((\w+)([^)]*)\)", text, re.M):
        uses = re.search(r"\bUSES((?:\s+(?!LIBS\b)[\w:]+)*)", rest)
        libs = re.search(r"\bLIBS((?:\s+(?!USES\b)[\w:]+)*)", rest)
        table[name] = (set(uses.group(1).split()) if uses else set(),
                       {lib.split("::")[-1] for lib in libs.group(1).split()} if libs else set())
    return table


# --- what is looked for; each returns a list of faults ----------------------------------------------


def header_faults(root, layer):
    scheduler = os.path.join(root, "scheduler")
    faults = []
    for path in files(os.path.join(scheduler, layer), ".c", ".h"):
        name = os.path.relpath(path, root)
        for kind, header in includes(path):
            if kind == "<" and header not in PLAIN_HEADERS:
                faults.append(f"{name} includes <{header}>")
        pulled = run(CC, *STRICT, "-I", scheduler, "-M", path)
        for header in re.findall(r"\S+\.h\b", pulled.replace("\\\n", " ")):
            # bits/ and gcc's own folders are how the plain headers are made
            if header.startswith("/") and FORBIDDEN_HEADERS.search(header) and \
                    "/bits/" not in header and not header.startswith(scheduler):
                faults.append(f"{name} pulls in {header}")
    return faults


def objects(root, layer, folder, flags):
    out = []
    for path in files(os.path.join(root, "scheduler", layer), ".c"):
        out.append(os.path.join(folder, f"{layer}-{os.path.basename(path)}.o"))
        run(CC, *flags, "-I", os.path.join(root, "scheduler"), "-c", path, "-o", out[-1])
    return out


def defined(paths):
    return {line.split()[-1] for line in run("nm", "--defined-only", "-g", *paths).splitlines()
            if len(line.split()) == 3}


def symbol_faults(root, layer):
    libc, base_files = LAYERS[layer]
    with tempfile.TemporaryDirectory() as folder:
        own = objects(root, layer, folder, STRICT)
        allowed = set(libc) | defined(own)
        for used in layer_table(root)[layer][0]:
            if used == "base":
                base = objects(root, used, folder, ["-std=c17", "-D_GNU_SOURCE"])
                allowed |= defined([o for o in base
                                    if os.path.basename(o)[len("base-"):-2] in base_files])
            else:
                allowed |= defined(objects(root, used, folder, STRICT))
        faults = []
        for path in own:
            for line in run("nm", "-u", path).splitlines():
                symbol = line.split()[-1]
                if symbol not in allowed:
                    faults.append(f"{layer}/{os.path.basename(path)[len(layer) + 1:-2]} "
                                  f"calls {symbol}")
        return faults


def include_faults(root):
    table = layer_table(root)
    faults = []
    for layer, (uses, libs) in table.items():
        for path in files(os.path.join(root, "scheduler", layer), ".c", ".h"):
            name = os.path.relpath(path, root)
            for kind, header in includes(path):
                if kind == '"':
                    owner = header.split("/")[0] if "/" in header else layer
                    if owner != layer and owner not in uses:
                        faults.append(f"{name} includes \"{header}\": {layer} does not use {owner}")
                for prefix, library in THIRD_PARTY.items():
                    if header.startswith(prefix) and library not in libs:
                        faults.append(f"{name} includes {header} without {library}")
    return faults


def plugin_faults(root):
    faults = []
    plugins = os.path.join(root, "plugins")
    for plugin in sorted(os.listdir(plugins)):
        folder = os.path.join(plugins, plugin)
        if not os.path.isdir(folder):
            continue
        for path in files(folder, ".c", ".h"):
            for kind, header in includes(path):
                ours = kind == '"' and header != "channel/channel.h" and \
                    not os.path.exists(os.path.join(folder, header))
                if ours or header.startswith(("uv", "curl/", "sqlite3")):
                    faults.append(f"{os.path.relpath(path, root)} includes {header}")
    return faults


def cycle_faults(root):
    table = layer_table(root)
    faults = []
    for layer in table:
        seen, todo = set(), list(table[layer][0])
        while todo:
            used = todo.pop()
            if used == layer:
                faults.append(f"{layer} uses itself")
                break
            if used not in seen:
                seen.add(used)
                todo += table.get(used, (set(), set()))[0]
    return faults


# --- tests ------------------------------------------------------------------------------------------


def test_core_pulls_in_no_header_of_the_world():
    equal(header_faults(SOURCE, "core"), [], "faults")


def test_engine_pulls_in_no_header_of_the_world():
    equal(header_faults(SOURCE, "engine"), [], "faults")


def test_core_calls_nothing_of_the_world_and_no_malloc():
    equal(symbol_faults(SOURCE, "core"), [], "faults")


def test_engine_calls_nothing_of_the_world():
    equal(symbol_faults(SOURCE, "engine"), [], "faults")


def test_layers_include_only_what_they_use():
    true({"base", "core", "engine", "store"} <= set(layer_table(SOURCE)), "the table is read")
    equal(include_faults(SOURCE) + cycle_faults(SOURCE), [], "faults")


def test_core_and_engine_stay_where_they_are():
    table = layer_table(SOURCE)
    equal((table["core"], table["engine"]), (({"base"}, set()), ({"base", "core"}, set())),
          "what core and engine use")


def test_plugins_include_only_the_plugin_interface():
    equal(plugin_faults(SOURCE), [], "faults")


def test_every_header_compiles_alone():
    faults = []
    scheduler = os.path.join(SOURCE, "scheduler")
    for layer in layer_table(SOURCE):
        for path in files(os.path.join(scheduler, layer), ".h"):
            done = subprocess.run([CC, "-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror",
                                   "-fsyntax-only", "-x", "c", "-I", scheduler, "-include", path,
                                   os.devnull], stderr=subprocess.PIPE, text=True)
            if done.returncode:
                faults.append(done.stderr.splitlines()[0])
    equal(faults, [], "faults")


def with_fault(path, line, check):
    """The faults that `check` finds in a copy in which `line` stands on top of `path`."""
    with tempfile.TemporaryDirectory() as root:
        for part in ("scheduler", "plugins"):
            shutil.copytree(os.path.join(SOURCE, part), os.path.join(root, part))
        with open(os.path.join(root, path), encoding="utf-8") as file:
            text = file.read()
        with open(os.path.join(root, path), "w", encoding="utf-8") as file:
            file.write(line + "\n" + text)
        return check(root)


def test_uv_in_core_is_found():
    for path in ("scheduler/core/instant.c", "scheduler/core/instant.h"):
        found = with_fault(path, "#include <uv.h>", lambda root: header_faults(root, "core"))
        true(any("uv.h" in fault for fault in found), f"found: {found}")
    found = with_fault("scheduler/core/pace.c", '#include "/usr/include/uv.h"',
                       lambda root: header_faults(root, "core"))
    true(any("uv.h" in fault for fault in found), f"found: {found}")


def test_calls_into_the_world_are_found():
    for call in ("long time(long *); long now_s(void); long now_s(void) { return time(0); }",
                 "int rand(void); int dice(void); int dice(void) { return rand(); }",
                 "char *getenv(const char *); char *e(void); char *e(void) { return getenv(\"X\"); }",
                 "#include <stdio.h>\nFILE *f(void); FILE *f(void) { return fopen(\"x\", \"r\"); }",
                 "#include <stdlib.h>\nvoid *m(void); void *m(void) { return malloc(1); }",
                 "void *xmalloc(unsigned long); void *m(void); void *m(void) { return xmalloc(1); }"):
        found = with_fault("scheduler/core/pace.c", call, lambda root: symbol_faults(root, "core"))
        equal(len(found), 1, f"faults for {call.split(';')[0]}: {found}")


def test_a_wrong_include_between_layers_is_found():
    for path, header in (("scheduler/store/store.h", "engine/engine.h"),
                         ("scheduler/conf/yaml.h", "store/store.h"),
                         ("scheduler/cli/cli.h", "loop/http.h")):
        found = with_fault(path, f'#include "{header}"', include_faults)
        true(any(header in fault for fault in found), f"{header} in {path}: {found}")
    found = with_fault("plugins/null/null.c", '#include "base/err.h"', plugin_faults)
    true(any("base/err.h" in fault for fault in found), f"found: {found}")


main(globals())
