import subprocess
import sys

_LOWERED = """
import resource
from runtime.wiring.process import open_many_files

_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (200, most))
open_many_files()
print(resource.getrlimit(resource.RLIMIT_NOFILE) == (most, most))
"""


def test_a_function_takes_as_many_open_files_as_it_may_have() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LOWERED], capture_output=True, text=True, check=True
    )

    assert done.stdout == "True\n"
