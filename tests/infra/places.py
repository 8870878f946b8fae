"""Where the files of the infrastructure are."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
KUBERNETES = INFRA / "kubernetes"
OVERLAYS = sorted(folder.parent for folder in KUBERNETES.glob("overlays/*/kustomization.yaml"))
