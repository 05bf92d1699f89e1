"""A small disk that is full, one that turns read-only, and a folder that is taken away: mounted here,
in a namespace of mounts that ends with this program."""
import errno
import os
import subprocess
import sys

from hooked import HookedPlace
from support import Skip, equal, main, true, wait_until

INSIDE = "PACELINE_TEST_MOUNTS"
STORE = "disk/paceline.db"


def enter_namespace():
    """Runs this program again where its mounts are its own. Without leave to do so tests are skipped."""
    if INSIDE in os.environ:
        return
    unshare = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    allowed = subprocess.run(unshare + ["true"], stderr=subprocess.DEVNULL).returncode == 0
    os.environ[INSIDE] = "yes" if allowed else "no"
    if allowed:
        os.execvp("unshare", unshare + [sys.executable, "-B", *sys.argv])


def command(*args):
    if os.environ[INSIDE] != "yes":
        raise Skip("mounting is not permitted here")
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise Skip(f"{' '.join(args)}: {done.stdout.strip()}")
    return done.stdout.strip()


class DiskPlace(HookedPlace):
    """The store in a folder disk/, which each test mounts."""

    def __init__(self, **rest):
        super().__init__(store=STORE, **rest)

    def __enter__(self):
        super().__enter__()
        os.mkdir(self.path("disk"), 0o755)
        return self

    def __exit__(self, *problem):
        for program in self.programs:
            if program.running():
                program.kill()
        while os.path.ismount(self.path("disk")):
            subprocess.run(["umount", "--lazy", self.path("disk")], check=True)
        super().__exit__(*problem)

    def mount(self, *options):
        command("mount", *options, self.path("disk"))

    def mount_image(self, image):
        """By a loop device of its own, that goes with the mount."""
        device = command("losetup", "--find", "--show", image)
        try:
            self.mount(device)
        finally:
            subprocess.run(["losetup", "--detach", device], check=False)

    def fill(self):
        """To the last byte."""
        with open(self.path("disk/ballast"), "ab", buffering=0) as file:
            for size in (65536, 512):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError as why:
                    equal(why.errno, errno.ENOSPC, "why no more goes in")

    def make_room(self):
        os.unlink(self.path("disk/ballast"))


def refused(place, campaign):
    said = place.cli("submit", campaign, expect=75).err
    true("paceline.db" in said, f"submit says why not: {said!r}")


def test_a_disk_that_is_full():
    with DiskPlace(slow_s=0.05) as place:
        place.mount("-t", "tmpfs", "-o", "size=2m", "tmpfs")
        place.start()
        place.under_way("spring", 150)
        autumn = place.campaign("autumn", "crm", ["a1"])
        place.fill()
        wait_until(place.unhealthy, "it says so")
        said = place.service_status()
        equal(said["store"], "unhealthy", "status")
        true("is full" in said["problem"] and "make room" in said["problem"], f"and why: {said}")
        count = place.arrived()
        refused(place, autumn)
        true(place.arrived() <= count + 1, "nothing new went out")
        place.make_room()
        wait_until(place.healthy, "is back by itself")
        place.launch(autumn)
        for name in ("spring", "autumn"):
            place.wait_state(name, "done")
        place.nobody_twice_nobody_lost("spring", "autumn")
        place.stop()


def test_a_disk_that_its_own_journal_fills():
    """2 MB, and 150 sends write more than that: the journal is emptied before it fills the disk."""
    with DiskPlace() as place:
        place.mount("-t", "tmpfs", "-o", "size=2m", "tmpfs")
        place.start()
        place.launch_many("spring", 150)
        place.wait_state("spring", "done")
        place.nobody_twice_nobody_lost("spring")
        true("is full" not in place.service.said(), "it was never full")
        place.stop()


def test_a_disk_that_turns_read_only():
    """As ext4 does after an error; then mended, and mounted again, while the service runs."""
    with DiskPlace() as place:
        image = place.path("disk.img")
        with open(image, "wb") as file:
            file.truncate(16 << 20)
        command("mkfs.ext4", "-q", "-F", image)
        place.mount_image(image)
        place.start()
        place.under_way("spring", 400)
        place.mount("-o", "remount,abort")
        wait_until(place.unhealthy, "it says so")
        count = place.arrived()
        wait_until(lambda: place.service_status()["problem"], "and why")
        true(place.arrived() <= count + 1, "nothing new went out")
        command("umount", "--lazy", place.path("disk"))
        subprocess.run(["e2fsck", "-p", image], stdout=subprocess.DEVNULL, check=False)
        place.mount_image(image)
        wait_until(place.healthy, "is back by itself")
        place.wait_state("spring", "done")
        place.nobody_twice_nobody_lost("spring")
        place.stop()


def test_a_folder_that_is_taken_away():
    """Written into files without a name all would be lost, and no call would say so."""
    with DiskPlace() as place:
        place.start()
        place.under_way("spring", 400)
        os.rename(place.path("disk"), place.path("elsewhere"))
        wait_until(place.unhealthy, "it says so")
        wait_until(lambda: "put it back" in place.service.said(), "and what to do")
        count = place.arrived()
        equal(place.readyz()[1]["status"], "store unhealthy", "readyz")
        os.mkdir(place.path("disk"))  # no new store is begun in its place
        wait_until(lambda: "cannot be opened" in place.service_status()["problem"], "not this one")
        true(not os.path.exists(place.path(STORE)), "nothing was made there")
        true(place.arrived() <= count + 1, "nothing new went out")
        os.rename(place.path("disk"), place.path("empty"))
        os.rename(place.path("elsewhere"), place.path("disk"))
        wait_until(place.healthy, "is back by itself")
        place.wait_state("spring", "done")
        place.nobody_twice_nobody_lost("spring")
        place.stop()


enter_namespace()
main(globals())
