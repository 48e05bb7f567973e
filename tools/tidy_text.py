"""Reading sources, for tools/tidy."""
import os
import re
import subprocess

SKIPPED_FOLDERS = {".git", "build", ".cache", "__pycache__", "node_modules", "target"}


def list_files(root):
    """The files that git tracks or would add; all files where there is no git."""
    try:
        out = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard", "-z"], check=True,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        names = [os.fsdecode(name) for name in out.split(b"\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = []
        for folder, folders, files in os.walk(root):
            folders[:] = [each for each in folders if each not in SKIPPED_FOLDERS]
            names += [os.path.relpath(os.path.join(folder, each), root) for each in files]
    return sorted({name for name in names if os.path.isfile(os.path.join(root, name))})


def read_text(path):
    """The text of a file, or None for what is no text."""
    with open(path, "rb") as file:
        data = file.read()
    if b"\0" in data:
        return None
    return data.decode("utf-8", errors="replace")


TOKEN = re.compile(
    r"""//(?:[^\n\\]|\\.|\\\n)*|/\*.*?\*/"""
    r"""|(?:u8|[uUL])?R"(?P<delimiter>[^()\\\s]{0,16})\(.*?\)(?P=delimiter)\""""
    r"""|"(?:[^"\\\n]|\\.|\\\n)*"|(?<![0-9A-Fa-f])'(?:[^'\\\n]|\\.)+'""", re.DOTALL)


def split_cpp(text):
    """Returns two texts of the same shape: the code alone (literals emptied), and the comments alone."""
    code, comments, at = [], [], 0

    def blank(part):
        return re.sub(r"[^\n]", " ", part)

    for match in TOKEN.finditer(text):
        code.append(text[at:match.start()])
        comments.append(blank(text[at:match.start()]))
        part = match.group()
        if part.startswith(("//", "/*")):
            code.append(blank(part))
            comments.append(part)
        else:
            is_include = re.search(r"#\s*include\s*$", text[max(0, match.start() - 40):match.start()])
            code.append(part if is_include else '"' + re.sub(r"[^\n]", "_", part[1:-1]) + '"')
            comments.append(blank(part))
        at = match.end()
    code.append(text[at:])
    comments.append(blank(text[at:]))
    return "".join(code), "".join(comments)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def arguments(code, start):
    """The code between the bracket at `start` and its partner."""
    depth = 0
    for at in range(start, len(code)):
        depth += {"(": 1, ")": -1}.get(code[at], 0)
        if depth == 0:
            return code[start + 1:at]
    return code[start + 1:]
