"""What a process that reads a stranger's file may do: compute, and write to open descriptors.

After `confine` the process and its threads open no file, reach no network, start and signal no
other process, and stay under limits of memory, CPU time and descriptors. Linux only.
"""

import ctypes
import errno
import platform
import resource
import struct

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_FILTER_MODE = 2

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCH_AT, _ARGUMENT_AT = 0, 4, 16
_ALLOW, _KILL, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000
_CLONE_THREAD = 0x10000
_X32 = 0x40000000

_ARCHES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}

# Name: number on x86_64, number on aarch64 (-1 where the call does not exist).
_REFUSED: dict[str, tuple[int, int]] = {
    "open": (2, -1),
    "creat": (85, -1),
    "openat": (257, 56),
    "openat2": (437, 437),
    "open_by_handle_at": (304, 265),
    "truncate": (76, 45),
    "rename": (82, -1),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "rmdir": (84, -1),
    "link": (86, -1),
    "linkat": (265, 37),
    "unlink": (87, -1),
    "unlinkat": (263, 35),
    "symlink": (88, -1),
    "symlinkat": (266, 36),
    "chmod": (90, -1),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, -1),
    "lchown": (94, -1),
    "fchownat": (260, 54),
    "mknod": (133, -1),
    "mknodat": (259, 33),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "socket": (41, 198),
    "connect": (42, 203),
    "accept": (43, 202),
    "accept4": (288, 242),
    "bind": (49, 200),
    "listen": (50, 201),
    "sendto": (44, 206),
    "sendmsg": (46, 211),
    "sendmmsg": (307, 269),
    "fork": (57, -1),
    "vfork": (58, -1),
    "execve": (59, 221),
    "execveat": (322, 281),
    "kill": (62, 129),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pidfd_getfd": (438, 438),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "memfd_create": (319, 279),
    "setpgid": (109, 154),
    "setsid": (112, 157),
}
_CLONE, _CLONE3, _PRLIMIT = (56, 220), (435, 435), (302, 261)
_MKDIRS = ((83, 258), (-1, 34))

_libc = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def die_with_parent(signal_number: int) -> None:
    """Asks the kernel for `signal_number` when the parent ends; raises `OSError`."""
    _prctl(_PR_SET_PDEATHSIG, signal_number)


def confine(memory_bytes: int, cpu_seconds: int) -> None:
    """Gives up, for good, all but computing. `memory_bytes` bounds the address space.

    Raises `OSError` when the kernel refuses: the caller must then not read the file.
    """
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 65_536)
    _limit(resource.RLIMIT_NOFILE, 64)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    _limit(resource.RLIMIT_AS, memory_bytes)
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    code = _filter(platform.machine())
    program = _Program(len(code) // 8, code)
    _prctl(_PR_SET_SECCOMP, _FILTER_MODE, ctypes.addressof(program))


def _filter(machine: str) -> bytes:
    if machine not in _ARCHES:
        raise OSError(errno.ENOSYS, f"no system call filter for {machine}")
    arch, column = _ARCHES[machine]
    refuse = (_RETURN, 0, 0, _FAIL | errno.EPERM)
    allow = (_RETURN, 0, 0, _ALLOW)
    steps = [
        (_LOAD, 0, 0, _ARCH_AT),
        (_EQUAL, 1, 0, arch),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_AT_LEAST, 0, 1, _X32),
        refuse,
    ]
    for numbers in _REFUSED.values():
        if numbers[column] >= 0:
            steps += [(_EQUAL, 0, 1, numbers[column]), refuse]
    # The PDF library wants its directory made and goes on when told that it is there already.
    for number in _MKDIRS[column]:
        steps += [(_EQUAL, 0, 1, number & 0xFFFFFFFF), (_RETURN, 0, 0, _FAIL | errno.EEXIST)]
    # clone3 hides its flags in memory; told that it does not exist, the C library uses clone.
    steps += [(_EQUAL, 0, 1, _CLONE3[column]), (_RETURN, 0, 0, _FAIL | errno.ENOSYS)]
    steps += _argument(_CLONE[column], (_ANY_BIT, 1, 0, _CLONE_THREAD), refuse, allow)
    steps += _argument(_PRLIMIT[column], (_EQUAL, 1, 0, 0), refuse, allow)
    steps.append(allow)
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


_Step = tuple[int, int, int, int]


def _argument(number: int, test: _Step, refuse: _Step, allow: _Step) -> list[_Step]:
    return [(_EQUAL, 0, 4, number), (_LOAD, 0, 0, _ARGUMENT_AT), test, refuse, allow]


def _limit(what: int, value: int) -> None:
    resource.setrlimit(what, (value, value))


def _prctl(option: int, value: int, pointer: int = 0) -> None:
    arguments = (ctypes.c_ulong(value), ctypes.c_ulong(pointer), ctypes.c_ulong(0))
    if _libc.prctl(option, *arguments, ctypes.c_ulong(0)):
        number = ctypes.get_errno()
        raise OSError(number, f"prctl {option} was refused")
