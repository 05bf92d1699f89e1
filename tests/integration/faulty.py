"""A place whose service runs with tests/support/shim.c: the test moves its clock and hangs its disk."""
import contextlib
import os
import shutil

from support import BUILD, Place, Program


class FaultyPlace(Place):
    def start(self, user=None, wait=True):
        orders = self.path("orders")
        os.makedirs(orders, exist_ok=True)
        asan = os.environ.get("ASAN_OPTIONS", "")
        # LD_PRELOAD is a list: a path with a space in it would be two
        shim = shutil.copy(os.path.join(BUILD, "test-support", "shim.so"), self.path("shim.so"))
        kept, self.env = self.env, dict(
            self.env, SHIM_DIR=orders, LD_PRELOAD=shim,
            ASAN_OPTIONS=(asan + ":" if asan else "") + "verify_asan_link_order=0")
        try:
            self.service = Program(self, "service",
                                   [self.program("paceline"), "serve", "--config",
                                    self.path("paceline.yaml")], user)
        finally:
            self.env = kept
        self.programs.append(self.service)
        if wait:
            self.wait_ready()
        return self.service

    def order(self, name, value):
        """wall, slept: milliseconds."""
        path = self.path(os.path.join("orders", name))
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(str(value))
        os.rename(path + ".new", path)

    @contextlib.contextmanager
    def store_hangs(self):
        self.order("hang", 1)
        try:
            yield
        finally:
            os.unlink(self.path("orders/hang"))
