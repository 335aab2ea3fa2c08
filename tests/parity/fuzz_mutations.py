"""Changes of a spec's text, most of which make it invalid, for fuzz_systems.py."""

import re

WORDS = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
NUMBERS = re.compile(r"(?<![A-Za-z_0-9.])-?[0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?(?![A-Za-z_0-9.])")
CALLS = re.compile(r"[a-z_0-9]+\(([^()]*)\)")
STRANGE = ("0", "-1", "1.5", "7", "17", "1e9", "999999999999999999999", "1e400", ".nan", "true", "null", "~", "x", "''", "[]", "{}", "[1, 2]", "0x10", "1_000")
PIECES = ("{", "}", "[", "]", ",", ":", "- ", "'", '"', "#", "&a ", "*a", "!!str ", "|", ">", "%", "@", "`", "\t", "  ", "\n", "---\n", "(", ")", "\u00a0", "\u2028")


def one_of(draw, pattern, text):
    found = list(pattern.finditer(text))
    return draw.choice(found) if found else None


def replaced(text, match, by):
    return text[: match.start()] + by + text[match.end() :]


def lines_of(draw, text):
    lines = text.splitlines(keepends=True)
    return lines, draw.randrange(len(lines))


# ---- one function for each kind: of text, or of bytes in the end ----


def misspelt(draw, text):
    """A word with a letter too many, too few, exchanged, or of another case."""
    match = one_of(draw, WORDS, text)
    word = match.group()
    at = draw.randrange(len(word))
    kinds = (word[:at] + word[at:] + word[at], word[:at] + word[at + 1 :], word[:at] + word[at:][::-1], word.upper(), word + "_9")
    return replaced(text, match, draw.choice(kinds))


def another_word(draw, text):
    """A word in the place of another: unknown names, wrong types, cycles, wrong shapes."""
    match = one_of(draw, WORDS, text)
    return replaced(text, match, one_of(draw, WORDS, text).group())


def another_number(draw, text):
    match = one_of(draw, NUMBERS, text)
    other = one_of(draw, NUMBERS, text)
    by = draw.choice(STRANGE) if draw.random() < 0.6 else other.group() if other else "3"
    return replaced(text, match, by) if match else text + by


def another_call(draw, text):
    """One argument too many or too few, a call in an argument, or an expression that is cut off."""
    match = one_of(draw, CALLS, text)
    if not match:
        return text + "values: {a: b(}\n"
    call, arguments = match.group(), match.group(1)
    name = call[: call.index("(")]
    kinds = (f"{name}({arguments}, x)", f"{name}()", f"{name}({call})", call[:-1], f"{name}({arguments.rsplit(',')[0]})", f"{call}.{name}", f"({call})")
    return replaced(text, match, draw.choice(kinds))


def another_line(draw, text):
    """A line is deleted, repeated, moved, or indented by another width."""
    lines, at = lines_of(draw, text)
    kind = draw.randrange(4)
    if kind == 1:
        lines.insert(at, lines[at])
    elif kind == 2:
        lines.insert(draw.randrange(len(lines)), lines.pop(at))
    elif kind == 3:
        lines[at] = draw.choice((" ", "  ", "    ", "\t")) + lines[at]
    else:
        del lines[at]
    return "".join(lines)


def another_entry(draw, text):
    """An entry of a map or list in one line is deleted or repeated, or a key is added."""
    match = one_of(draw, re.compile(r"[{\[,] *([^{}\[\],:]+(?:: *[^{}\[\],]+)?)(?=[,}\]])"), text)
    if not match:
        return text + "key: 1\n"
    entry = match.group()
    return replaced(text, match, draw.choice((entry[0], f"{entry}, {match.group(1)}", f"{entry}, unheard_of: 3", f"{entry}, bias: false")))


def a_piece(draw, text):
    """A piece of YAML or of an expression anywhere."""
    at = draw.randrange(len(text) + 1)
    return text[:at] + draw.choice(PIECES) + text[at + draw.choice((0, 0, 1)) :]


def cut(draw, text):
    return text[: draw.randrange(len(text))]


def random_bytes(draw, text):
    data = bytearray(text, "utf-8")
    for _ in range(draw.choice((1, 1, 2, 30))):
        data[draw.randrange(len(data))] = draw.randrange(256)
    return bytes(data)


KINDS = (misspelt, another_word, another_word, another_number, another_number, another_call, another_line, another_entry, another_entry, a_piece, cut, random_bytes)


def mutated(draw, text):
    """Bytes, and what was done."""
    names = []
    for _ in range(draw.choice((1, 1, 1, 2))):
        kind = draw.choice(KINDS)
        names.append(kind.__name__)
        text = kind(draw, text)
        if isinstance(text, bytes):
            break
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"), " and ".join(names)
