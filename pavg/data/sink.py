"""A file for HDF5 to write to, on a disk that may fill up."""

import io
import os


class Sink(io.FileIO):
    """A file in which nothing fails until it is asked.

    HDF5 cannot close a file on a full disk, and crashes Python at its exit. So what goes wrong is
    kept for `check`, and HDF5 goes on as if nothing had happened.
    """

    error = None

    def write(self, data):
        rest = memoryview(data)
        try:
            while rest and not self.error:
                rest = rest[super().write(rest) :]  # the system takes 2 GiB at a time
        except OSError as error:
            self.error = error
        return len(data)

    def truncate(self, size=None):
        try:
            return super().truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size

    def check(self):
        """Raise the OSError that was kept, if there is one."""
        if self.error:
            raise self.error

    def settle(self):
        """`check`, and see that all is on disk."""
        self.check()
        os.fsync(self.fileno())
