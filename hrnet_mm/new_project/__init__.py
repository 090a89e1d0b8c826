"""`hrnet-mm new`: from images and annotations to a config that trains."""

from .collection import FormatError
from .project import Project, create
from .request import Request

__all__ = ['FormatError', 'Project', 'Request', 'create']
