"""Places whose service runs with something preloaded: tests/support/shim.c moves its clock, and makes its
disk hang or fail; tests/power/tape.c writes down what it does to its store."""
import contextlib
import os
import shutil

from support import BUILD, Place, Program


class PreloadedPlace(Place):
    PRELOAD = None

    def preload_env(self):
        return {}

    def start(self, user=None, wait=True):
        asan = os.environ.get("ASAN_OPTIONS", "")
        # LD_PRELOAD is a list: a path with a space in it would be two
        shim = shutil.copy(os.path.join(BUILD, "test-support", self.PRELOAD),
                           self.path(self.PRELOAD))
        kept, self.env = self.env, dict(
            self.env, LD_PRELOAD=shim, **self.preload_env(),
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


class FaultyPlace(PreloadedPlace):
    PRELOAD = "shim.so"
    failures = 0  # orders given to the disk so far

    def preload_env(self):
        orders = self.path("orders")
        os.makedirs(orders, exist_ok=True)
        return {"SHIM_DIR": orders}

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

    def disk_fails(self, number, error, for_ever):
        """The number-th call of the store from now on fails (0: none, they are only counted)."""
        self.failures += 1
        self.order("fail", f"{self.failures} {number} {int(for_ever)} {error}")

    def disk_works(self):
        self.disk_fails(0, 0, False)

    def disk_calls(self):
        """Since the last order."""
        try:
            with open(self.path("orders/calls"), encoding="ascii") as file:
                number, calls = file.read().split()
        except (FileNotFoundError, ValueError):
            return 0
        return int(calls) if int(number) == self.failures else 0
