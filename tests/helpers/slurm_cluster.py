"""A Slurm cluster of two nodes on this machine, in a temporary folder."""

import os
import shutil
import subprocess
import time
from contextlib import contextmanager

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "srun")
CONF = """\
ClusterName=test
SlurmctldHost=localhost
SlurmctldPort=17000
AuthType=auth/munge
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldLogFile={folder}/ctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SlurmctldPidFile={folder}/ctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
AuthInfo=socket={folder}/munge/socket
ReturnToService=2
JobRequeue=1
SlurmdTimeout=10
MessageTimeout=10
NodeName=n[1-2] NodeHostname=localhost Port=[17001-17002] CPUs=1 RealMemory=4000 State=UNKNOWN
PartitionName=main Nodes=n[1-2] Default=YES MaxTime=INFINITE State=UP
"""


def missing():
    """Why the cluster cannot be started here; empty if it can."""
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    lacking = [name for name in PROGRAMS if shutil.which(name, path=path) is None]
    if lacking:
        return f"there is no {lacking[0]} (apt-get install slurm-wlm munge)"
    return "" if os.geteuid() == 0 else "only root can start slurmd and munged"


class Cluster:
    """The running cluster."""

    def __init__(self, folder):
        self.folder, self.processes = folder, {}

    def start(self):
        munge = self.folder / "munge"
        munge.mkdir(parents=True)
        for name in ("state", "spool-n1", "spool-n2"):
            (self.folder / name).mkdir()
        self.folder.chmod(0o755)
        (munge / "key").write_bytes(os.urandom(128))
        (munge / "key").chmod(0o600)
        (self.folder / "slurm.conf").write_text(CONF.format(folder=self.folder))
        os.environ["SLURM_CONF"] = str(self.folder / "slurm.conf")
        files = {"socket": "socket", "key-file": "key", "log-file": "log", "pid-file": "pid", "seed-file": "seed"}
        options = [f"--{option}={munge / name}" for option, name in files.items()]
        self._start("munged", "munged", "--foreground", "--force", *options)
        time.sleep(1)
        self._start("slurmctld", "slurmctld", "-D")
        for name in ("n1", "n2"):
            self._start(name, "slurmd", "-D", "-N", name)
        for _ in range(60):
            if self.query("sinfo", "--noheader", "--Node", "--format=%T").split() == ["idle", "idle"]:
                return
            time.sleep(0.5)
        raise RuntimeError((self.folder / "ctld.log").read_text()[-2000:])

    def _start(self, name, *command):
        path = os.environ["PATH"] + ":/usr/sbin:/sbin"
        with open(self.folder / f"{name}.out", "wb") as out:
            self.processes[name] = subprocess.Popen(
                command, stdout=out, stderr=out, env={**os.environ, "PATH": path}, start_new_session=True
            )

    def query(self, *command):
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    def running(self):
        """The ids of the jobs that run."""
        return self.query("squeue", "--noheader", "--array", "--states=RUNNING", "--format=%i").split()

    def kill_node(self, name):
        self.processes[name].kill()

    def hurry(self):
        """Let requeued jobs begin now."""
        for job in self.query("squeue", "--noheader", "--array", "--states=PENDING", "--format=%i").split():
            self.query("scontrol", "update", f"jobid={job}", "starttime=now")

    def stop(self):
        self.query("scancel", "--full", "--user=root")
        time.sleep(1)
        for process in reversed(list(self.processes.values())):
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
        os.environ.pop("SLURM_CONF", None)


@contextmanager
def cluster(folder):
    started = Cluster(folder)
    try:
        started.start()
        yield started
    finally:
        started.stop()
