"""Shows a folder at another path, as a plain FUSE server does: usage plain_fuse.py FOLDER PATH [OPTION].

The kernel gives each path an inode number of its own, so a hard link has another one than its file. There is
no birth time.
"""

import os
import sys

from fusepy import FUSE, FuseOSError, Operations

STATS = ('st_atime', 'st_ctime', 'st_gid', 'st_mode', 'st_mtime', 'st_nlink', 'st_size', 'st_uid', 'st_blocks')


class Passthrough(Operations):
    def __init__(self, folder):
        self.folder = folder

    def __call__(self, op, path, *args):
        try:
            return super().__call__(op, self.folder + path, *args)
        except OSError as error:
            raise FuseOSError(error.errno) from error

    def getattr(self, path, fh=None):
        stats = os.lstat(path) if fh is None else os.fstat(fh)
        return {name: getattr(stats, name) for name in STATS}

    def readdir(self, path, fh):
        return ['.', '..', *os.listdir(path)]

    def statfs(self, path):
        stats = os.statvfs(path)
        return {name: getattr(stats, name) for name in ('f_bavail', 'f_bfree', 'f_blocks', 'f_bsize', 'f_frsize')}

    def create(self, path, mode, fi=None):
        return os.open(path, os.O_RDWR | os.O_CREAT, mode)

    def open(self, path, flags):
        return os.open(path, flags & ~os.O_APPEND)

    def read(self, path, size, offset, fh):
        return os.pread(fh, size, offset)

    def write(self, path, data, offset, fh):
        return os.pwrite(fh, data, offset)

    def truncate(self, path, length, fh=None):
        os.truncate(path if fh is None else fh, length)

    def link(self, target, source):
        # Both are paths below the mount; only the first one is prefixed.
        os.link(self.folder + source, target)

    def rename(self, old, new):
        os.rename(old, self.folder + new)

    def symlink(self, target, source):
        os.symlink(source, target)

    def utimens(self, path, times=None):
        os.utime(path, times)

    def fsync(self, path, datasync, fh):
        os.fsync(fh)

    def release(self, path, fh):
        os.close(fh)

    access = None
    chmod = staticmethod(os.chmod)
    chown = staticmethod(os.chown)
    mkdir = staticmethod(os.mkdir)
    readlink = staticmethod(os.readlink)
    rmdir = staticmethod(os.rmdir)
    unlink = staticmethod(os.unlink)


if __name__ == '__main__':
    options = {option: True for option in sys.argv[3:]}
    FUSE(Passthrough(sys.argv[1]), sys.argv[2], foreground=True, nothreads=True, allow_other=True, **options)
