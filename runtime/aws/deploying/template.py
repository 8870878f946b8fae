"""The SAM template, with the zips' locations, in CloudFormation's form."""

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

import boto3
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from runtime.aws.deploying.errors import DeploymentFailed
from runtime.aws.packaging.packages import ROOT

TEMPLATE: Final = ROOT / "infra" / "aws" / "template.yaml"

_WRITTEN_FOR: Final = "-arm64.zip"
"""The end of the template's own paths, which SAM's command line uses as they are."""


def function_of(code_uri: str) -> str:
    """Return the function whose zip a path in the template is.

    Raises:
        DeploymentFailed: The path is not that of a zip.
    """
    name = PurePosixPath(code_uri).name
    if not name.endswith(_WRITTEN_FOR):
        raise DeploymentFailed(f"the template has code that eps package does not build: {code_uri}")
    return name.removesuffix(_WRITTEN_FOR)


def read_template(file: Path = TEMPLATE) -> dict[str, Any]:
    """Read the SAM template, its functions written in full."""
    template: dict[str, Any] = yaml_parse(file.read_text("utf-8"))
    return template


def translated(bucket: str, keys: Mapping[str, str], region: str, file: Path = TEMPLATE) -> str:
    """Translate the template here, so that the tested template is the deployed one.

    Args:
        bucket: Has the zips.
        keys: Their keys in it, by function.
        region: Where the stack will be.
        file: The template.

    Returns:
        JSON without blanks: CloudFormation accepts 51,200 bytes of it.

    Raises:
        DeploymentFailed: The translator finds fault with the template.
    """
    template = read_template(file)
    _place_code(template, bucket, keys)
    there = boto3.Session(region_name=region)
    try:
        found = Translator({}, Parser(), boto_session=there).translate(template, {})
    except InvalidDocumentException as error:
        causes = "\n".join(cause.message for cause in error.causes)
        raise DeploymentFailed(f"{file.name} can't be translated:\n{causes}") from error
    return json.dumps(found, separators=(",", ":"))


def _place_code(template: dict[str, Any], bucket: str, keys: Mapping[str, str]) -> None:
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            function = function_of(resource["Properties"]["CodeUri"])
            resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": keys[function]}
