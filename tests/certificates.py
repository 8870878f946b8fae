"""Self-signed certificates for tests."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its key, as files."""

    file: Path
    key: Path


def make_certificate(
    folder: Path, *, names: str = "DNS:localhost,IP:127.0.0.1", common_name: str = "broker"
) -> Certificate:
    """Make a self-signed certificate that both ends of a connection may show."""
    made = Certificate(folder / f"{common_name}.crt", folder / f"{common_name}.key")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", f"/CN={common_name}"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-addext", f"subjectAltName={names}"),
            *("-addext", "extendedKeyUsage=serverAuth,clientAuth"),
            *("-keyout", str(made.key), "-out", str(made.file)),
        ],
        check=True,
        capture_output=True,
    )
    return made
