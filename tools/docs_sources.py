"""A hook of MkDocs: pages link to files of the repository, and the site shows them.

On GitHub ``[...](../configs/hrnet_w48_coco.py)`` leads to the file. The site knows no
files outside docs/, so each file that a page links to becomes a page of its own.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r'\]\(\.\./([^)#\s]+)(#[^)\s]*)?\)')
LANGUAGES = {'.py': 'python', '.sh': 'bash', '.toml': 'toml', '.yml': 'yaml'}


def on_files(files: Any, config: Any) -> Any:
    """Add a page for each file that a page of docs/ links to."""
    pages = [file for file in files if file.is_documentation_page()]
    text = '\n'.join(page.content_string for page in pages)
    for name in sorted({name for name, _ in LINK.findall(text)}):
        if (ROOT / name).is_file():  # else the build fails at the link
            page = File.generated(config, _page_of(name), content=_page(name))
            files.append(page)
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Let links lead to these pages."""
    if page.file.src_uri.startswith('source/'):
        return markdown
    return LINK.sub(lambda link: f']({_page_of(link[1])}{link[2] or ""})', markdown)


def _page_of(name: str) -> str:
    return f'source/{name}' if name.endswith('.md') else f'source/{name}.md'


def _page(name: str) -> str:
    text = (ROOT / name).read_text()
    if name.endswith('.md'):
        # its own links are relative to the root of the repository
        return re.sub(r'\]\((?!https?:|#)([^)]+)\)', r'](../\1)', text)
    language = LANGUAGES.get(Path(name).suffix, 'text')
    front = '---\nsearch:\n  exclude: true\nhide: [toc]\n---\n'
    return f'{front}# {name}\n\n```{language}\n{text}\n```\n'
