"""Reads XML files of annotation tools."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from .collection import FormatError


def read_xml(path: Path) -> ElementTree.Element:
    """Return the root of an XML file.

    Raises:
        FormatError: If it is not XML, or declares entities or a document type, which no
            annotation tool writes and which could expand without limit.
    """
    content = path.read_bytes()
    if b'<!DOCTYPE' in content or b'<!ENTITY' in content or b'\0' in content:
        raise FormatError(
            f'{path} declares a document type or is not UTF-8: no annotation tool '
            'writes such files'
        )
    try:
        return ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise FormatError(f'{path} is not an XML file: {error}') from None


def text_of(element: ElementTree.Element, name: str, default: str = '') -> str:
    """Return the text of a child, or ``default`` if there is none."""
    return (element.findtext(name) or default).strip()
