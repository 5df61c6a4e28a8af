"""Cores and memory within the limits of affinity, control groups and ulimit."""

import os
import resource

import pytest

from grokbench import resources
from grokbench.resources import Amount
from grokbench.resources.control_groups import Limits, limits
from grokbench.runner import devices

GIB = 2**30
MEMINFO = {"proc/meminfo": f"MemTotal: {16 * 2**20} kB\nMemAvailable: 1 kB\n"}
V2 = {"proc/self/mountinfo": "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"}
V1 = {
    "proc/self/mountinfo": "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "37 31 0:34 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
}
OWN_V1 = {"proc/self/cgroup": "3:memory:/job\n2:cpuacct,cpu:/job/step\n1:name=systemd:/\n"}
CPU, MEMORY = "sys/fs/cgroup/cpu,cpuacct", "sys/fs/cgroup/memory"
UNLIMITED = {f"{MEMORY}/memory.limit_in_bytes": "9223372036854771712\n", f"{CPU}/cpu.cfs_quota_us": "-1\n"}
DOCKER_V1 = {  # a container that sees its group's path on the host
    "proc/self/mountinfo": V1["proc/self/mountinfo"]
    .replace("0:29 / ", "0:29 /docker/1 ")
    .replace("0:32 / ", "0:32 /d "),
    "proc/self/cgroup": "3:memory:/docker/1\n2:cpu,cpuacct:/docker/1\n",
}

CASES = {
    "no files": ({}, (None, None)),
    "version 2, the only group": (
        {**V2, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "250000 100000\n"},
        (2.5, None),
    ),
    "version 2, limits of groups above": (
        {
            **V2,
            "proc/self/cgroup": "0::/pod/job/step\n",
            "sys/fs/cgroup/pod/cpu.max": "300000 100000\n",
            "sys/fs/cgroup/pod/job/cpu.max": "max 100000\n",
            "sys/fs/cgroup/pod/job/step/cpu.max": "400000 100000\n",
            "sys/fs/cgroup/pod/memory.max": f"{4 * GIB}\n",
            "sys/fs/cgroup/pod/job/memory.max": "max\n",
            "sys/fs/cgroup/pod/job/memory.high": f"{3 * GIB}\n",
            "sys/fs/cgroup/other/memory.max": "1\n",
        },
        (3.0, 3 * GIB),
    ),
    "version 2, no limit": (
        {
            **V2,
            "proc/self/cgroup": "0::/a\n",
            "sys/fs/cgroup/a/cpu.max": "max 100000",
            "sys/fs/cgroup/a/memory.max": "max",
        },
        (None, None),
    ),
    "version 2, a group outside of the container": (
        {**V2, "proc/self/cgroup": "0::/../../x\n", "sys/fs/cgroup/cpu.max": "100000 100000", "x/cpu.max": "1 100000"},
        (1.0, None),
    ),
    "version 1": (
        {
            **V1,
            **OWN_V1,
            **UNLIMITED,
            f"{CPU}/job/step/cpu.cfs_quota_us": "-1\n",
            f"{CPU}/job/step/cpu.cfs_period_us": "100000\n",
            f"{CPU}/job/cpu.cfs_quota_us": "75000\n",
            f"{CPU}/job/cpu.cfs_period_us": "50000\n",
            f"{MEMORY}/job/memory.limit_in_bytes": f"{2 * GIB}\n",
        },
        (1.5, 2 * GIB),
    ),
    "version 1, no limit": ({**V1, **OWN_V1, **UNLIMITED}, (None, None)),
    "version 1, in a container": (
        {
            **DOCKER_V1,
            f"{CPU}/cpu.cfs_quota_us": "200000",
            f"{CPU}/cpu.cfs_period_us": "100000",
            f"{MEMORY}/memory.limit_in_bytes": str(GIB),
        },
        (2.0, GIB),
    ),
    "both versions": (
        {
            "proc/self/mountinfo": V1["proc/self/mountinfo"]
            + V2["proc/self/mountinfo"].replace("/cgroup rw", "/cgroup/unified rw"),
            "proc/self/cgroup": OWN_V1["proc/self/cgroup"] + "0::/\n",
            f"{CPU}/job/cpu.cfs_quota_us": "200000",
            f"{CPU}/job/cpu.cfs_period_us": "100000",
            "sys/fs/cgroup/unified/memory.max": str(GIB),
        },
        (2.0, GIB),
    ),
    "garbage": (
        {
            **V2,
            "proc/self/cgroup": "\n::\nx\n0:\n0::/\n\xff",
            "sys/fs/cgroup/cpu.max": "many 0\n",
            "sys/fs/cgroup/memory.max": "-5\n",
            "sys/fs/cgroup/memory.high": "9" * 30,
        },
        (None, None),
    ),
    "no period": ({**V2, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "100000 0"}, (None, None)),
    "an empty file": ({**V2, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": ""}, (None, None)),
}


@pytest.fixture
def machine(tmp_path):
    def machine(files):
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(content, encoding="latin-1")
        return tmp_path

    return machine


@pytest.mark.parametrize("case", CASES)
def test_the_limits_of_control_groups(machine, case):
    files, found = CASES[case]
    assert limits(machine(files)) == Limits(*found)


@pytest.mark.parametrize(
    ("quota", "amount"),
    [
        (None, Amount(4, "all of the machine")),
        (0.5, Amount(1, "container quota")),
        (1.9, Amount(1, "container quota")),
        (3.0, Amount(3, "container quota")),
        (4.0, Amount(4, "all of the machine")),
    ],
)
def test_whole_cores_of_a_quota_count(monkeypatch, quota, amount):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(resources, "limits", lambda root: Limits(quota, None))
    assert resources.cores() == amount
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert resources.cores().source == ("affinity" if quota in (None, 4.0) else "container quota")


@pytest.mark.parametrize(
    ("group", "ulimit", "amount"),
    [
        (None, resource.RLIM_INFINITY, Amount(16 * GIB, "all of the machine")),
        (4 * GIB, resource.RLIM_INFINITY, Amount(4 * GIB, "container limit")),
        (32 * GIB, resource.RLIM_INFINITY, Amount(16 * GIB, "all of the machine")),
        (4 * GIB, 3 * GIB, Amount(3 * GIB, "ulimit -v")),
    ],
)
def test_the_smallest_limit_of_memory_counts(machine, monkeypatch, group, ulimit, amount):
    monkeypatch.setattr(resource, "getrlimit", lambda which: (ulimit, ulimit))
    monkeypatch.setattr(resources, "limits", lambda root: Limits(None, group))
    assert resources.memory(machine(MEMINFO)) == amount


def test_memory_without_meminfo_is_that_of_the_system(tmp_path):
    assert resources.memory(tmp_path).amount > 0


@pytest.mark.parametrize(("gib", "workers", "group"), [(16, 4, GIB), (4, 2, GIB), (1, 1, GIB // 2), (0.25, 1, 0)])
def test_no_more_workers_start_than_fit_into_memory(monkeypatch, gib, workers, group):
    monkeypatch.setattr(resources, "memory", lambda: Amount(int(gib * GIB), "container limit"))
    monkeypatch.setattr(devices, "environment", lambda: {"cores": 4})
    assert devices.devices("cpu") == ("cpu",) * workers and resources.group_memory() == group


def test_unknown_memory_limits_nothing(monkeypatch):
    monkeypatch.setattr(resources, "memory", lambda: None)
    assert resources.cpu_workers(64) == 64 and resources.group_memory() == resources.CPU_MEMORY
