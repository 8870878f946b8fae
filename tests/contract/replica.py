"""A replica of a database server, as docs/scaling.md makes one."""

import shutil
from pathlib import Path

from runtime.local.embedded.postgres_server import EmbeddedPostgres, binary
from runtime.local.embedded.process import Child, Program
from runtime.local.embedded.unprivileged import give

_SLOT = "reports"
_SETTINGS = Path(__file__).parents[2] / "infra" / "postgres" / "replica.conf"


class Replica(EmbeddedPostgres):
    """A server that follows another one, and is only read."""

    name = "replica"

    def __init__(self, data_dir: Path, primary: EmbeddedPostgres) -> None:
        super().__init__(data_dir)
        self._primary = primary

    async def _initialise(self) -> None:
        folder = self.data_dir / "cluster.new"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        give(folder, self._user)
        await self._copy_primary(folder)
        with (folder / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write(_SETTINGS.read_text(encoding="utf-8"))
        folder.rename(self._cluster)

    async def _copy_primary(self, folder: Path) -> None:
        child = await Child.start(
            Program(
                command=[
                    str(binary("pg_basebackup")),
                    f"--dbname={self._primary.url}",
                    f"--pgdata={folder}",
                    "--write-recovery-conf",
                    "--create-slot",
                    f"--slot={_SLOT}",
                    "--checkpoint=fast",
                ],
                user=self._user,
            ),
            print,
        )
        assert await child.wait() == 0
