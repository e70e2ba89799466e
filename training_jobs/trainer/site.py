"""`python -m training_jobs.trainer.site RUN_DIR`: the workers of one site, for the strategy ddp.

Starts as many trainers as the topology says, with torchrun's elastic agent (which ends all when one fails). The first
worker is the run: its folder is RUN_DIR. Each other one has RUN_DIR/workers/<rank>, with links to the same inputs and a
copy of the first one's newest checkpoints, so that all resume at the same step; what it writes is thrown away.

Exit status: 0 when all ended well, else that of the first worker if it ended by itself, else 1.
"""

import os
import shutil
import sys
from pathlib import Path

SHARED = ("spec.json", "inputs")


def main(arguments: list[str]) -> int:
    """Be the launcher, or with a rank in the environment one of the workers."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m training_jobs.trainer.site RUN_DIR\n")
        return 2
    run_dir = Path(arguments[0]).resolve()
    if "LOCAL_RANK" in os.environ:
        return _work(run_dir, int(os.environ["LOCAL_RANK"]))
    return _launch(run_dir)


def _work(run_dir: Path, rank: int) -> int:
    from training_jobs.trainer import __main__ as trainer

    return trainer.main([str(run_dir if rank == 0 else run_dir / "workers" / str(rank))])


def _launch(run_dir: Path) -> int:
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    from training_jobs.trainer.failures import Failure
    from training_jobs.trainer.job import read_spec

    try:
        workers = read_spec(run_dir / "spec.json").workers
    except Failure as failure:
        sys.stderr.write(f"{failure}\n")
        return failure.exit_status
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # one machine: nothing leaves it
    for rank in range(1, workers):
        _lay_out(run_dir, run_dir / "workers" / str(rank))
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=workers,
        rdzv_backend="c10d",
        rdzv_endpoint="127.0.0.1:0",
        local_addr="127.0.0.1",
        run_id="site",
        max_restarts=0,
    )
    try:
        elastic_launch(config, sys.executable)("-m", "training_jobs.trainer.site", str(run_dir))
    except ChildFailedError as error:
        own = error.failures.get(0)
        return own.exitcode if own is not None and own.exitcode > 0 else 1
    finally:
        shutil.rmtree(run_dir / "workers", ignore_errors=True)
    return 0


def _lay_out(run_dir: Path, folder: Path) -> None:
    """Prepare the folder of another worker."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in SHARED:
        (folder / name).symlink_to(run_dir / name)
    for name in ("checkpoints", "trace.jsonl"):
        if (run_dir / name).is_dir():
            shutil.copytree(run_dir / name, folder / name)
        elif (run_dir / name).exists():
            shutil.copy(run_dir / name, folder / name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
