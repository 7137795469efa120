"""The Flex Template: what its parameters become, and that its image holds what the project asks for."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tamis.pipeline import cli, runners

try:
    import tomllib
except ImportError:  # Python 3.10
    tomllib = None

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "scripts" / "flex_template"


@pytest.fixture
def entry(script):
    """scripts/flex_template/main.py."""
    return script("flex_template/main")


def pinned():
    """Returns the versions of requirements.txt, by name."""
    lines = [line for line in (FOLDER / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    return {Requirement(line).name: Version(line.partition("==")[2].partition(" ")[0]) for line in lines}


def test_parameters_become_the_command_line(entry):
    flags = ["--plan=gs://b/plan.yaml", "--output=gs://b/out", "--project=p", "--template_location=gs://b/t/job"]
    found = entry.arguments(flags, {"TAMIS_IMAGE": "image:1"})
    assert found[:2] == ["run", "gs://b/plan.yaml"]
    assert set(found[2:]) == {"--runner=DataflowRunner", "--sdk_container_image=image:1", *flags[1:]}


def test_refresh_and_another_image_can_be_asked_for(entry):
    flags = ["--plan=gs://b/p", "--command=refresh", "--sdk_container_image=mine"]
    found = entry.arguments(flags, {"TAMIS_IMAGE": "image:1"})
    assert found[:2] == ["refresh", "gs://b/p"]
    assert "--sdk_container_image=mine" in found
    assert not any("image:1" in word for word in found)


def test_every_parameter_is_an_option_that_the_commands_take():
    names = [item["name"] for item in json.loads((FOLDER / "metadata.json").read_text())["parameters"]]
    assert len(names) == len(set(names))
    for name in set(names) - {"plan", "command"}:
        top = cli.parser("refresh")
        given = ["refresh", "plan.yaml", f"--{name}=gs://b/x"]
        assert getattr(top.parse_args(given), name) in ("gs://b/x", ["gs://b/x"])


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("plan", "gs://b/plan.yaml", "/data/plan.yaml"),
        ("output", "s3://b/out", "gs://"),
        ("command", "refresh", "rm"),
    ],
)
def test_the_service_refuses_what_no_worker_could_reach(name, good, bad):
    parameters = {item["name"]: item for item in json.loads((FOLDER / "metadata.json").read_text())["parameters"]}
    (pattern,) = parameters[name]["regexes"]
    assert re.fullmatch(pattern, good)
    assert not re.fullmatch(pattern, bad)


@pytest.mark.skipif(tomllib is None, reason="tomllib came with Python 3.11")
def test_what_the_image_holds_is_what_the_project_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    found = pinned()
    for line in [*project["dependencies"], *extras["dataflow"], *extras["cloud"]]:
        wanted = Requirement(line)
        assert found[wanted.name] in wanted.specifier, line


def test_base_image_and_requirements_name_one_version_of_beam():
    base = re.search(r"^FROM apache/beam_python3\.11_sdk:(\S+)$", (FOLDER / "Dockerfile").read_text(), re.MULTILINE)
    assert Version(base[1]) == pinned()["apache-beam"]


def test_what_the_dockerfile_copies_exists():
    for line in (FOLDER / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source


def test_the_launchers_flags_are_known_to_beam():
    given = ["--runner=DataflowRunner", "--project=p", "--region=r", "--job_name=j", "--temp_location=gs://b/t"]
    given += ["--staging_location=gs://b/s", "--template_location=gs://b/j", "--sdk_container_image=i"]
    given += ["--service_account_email=a@b", "--max_num_workers=3", "--machine_type=n2-standard-4", "--network=n"]
    runners.check_flags([*given, "--subnetwork=s", "--labels=a=b", "--dataflow_kms_key=k", "--no_use_public_ips"])
