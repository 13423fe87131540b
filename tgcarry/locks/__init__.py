"""One job per folder, also when jobs are killed. Needs no TensorFlow."""

from tgcarry.locks.folder_lock import FolderLock
from tgcarry.locks.owner import Owner

__all__ = ["FolderLock", "Owner"]
