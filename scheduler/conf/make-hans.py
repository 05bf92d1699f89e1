#!/usr/bin/env python3
"""Makes hans.c, the traditional characters that the content rules read as simplified ones.

usage: scheduler/conf/make-hans.py >scheduler/conf/hans.c      (needs uconv of Debian's icu-devtools)

From ICU's Traditional-Simplified transform (CLDR data; Unicode License v3), as far as characters in
common use go: the 5,401 of Big5's first level. Nothing in the build runs this.
"""
import subprocess

HEAD = '''/* Made by make-hans.py from ICU %s (CLDR data, Unicode License v3): do not edit. */
#include "conf/fold.h"

/* A traditional character and its simplified one, ascending. */
const char fold_hans[][FOLD_HANS_BYTES] = {
'''


def simplified(text):
    return subprocess.run(["uconv", "-f", "utf-8", "-t", "utf-8", "-x", "Traditional-Simplified"],
                          input=text.encode(), capture_output=True, check=True).stdout.decode()


def common(char):
    try:
        return 0xA440 <= int.from_bytes(char.encode("big5"), "big") <= 0xC67E
    except UnicodeEncodeError:
        return False


def main():
    chars = [chr(c) for c in range(0x4E00, 0xA000) if common(chr(c))]
    once = simplified("\n".join(chars)).split("\n")
    last = simplified("\n".join(once)).split("\n")
    pairs = [a + b for a, b in zip(chars, last) if a != b and len(b) == 1]
    version = subprocess.run(["uconv", "--version"], capture_output=True, check=True,
                             text=True).stdout.split("ICU")[-1].split()[0]
    lines = ["    " + " ".join(f'"{p}",' for p in pairs[i:i + 9]) for i in range(0, len(pairs), 9)]
    print(HEAD % version + "\n".join(lines) + "\n};")
    print("const size_t fold_hans_count = sizeof fold_hans / sizeof *fold_hans;")


main()
