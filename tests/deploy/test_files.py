"""The files in deploy/ agree with the code and with each other. No test runs the containers themselves."""

import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from temporalio.envconfig import ClientConfig

from activities.support.step_kinds import EXTERNAL_ATTEMPT, LOCAL_ATTEMPT
from cli.processes import STOP_SECONDS
from cli.temporal_server import server_command
from runtime.settings import Settings
from temporal.search_attributes import SEARCH_ATTRIBUTES
from tests.support.commands import ROOT

DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: each for name, each in SERVICES.items() if each["image"].startswith("changeover:")}
TEXTS = [path for path in DEPLOY.rglob("*") if path.is_file() and "secrets" not in path.parts]
PAGE = (ROOT / "docs" / "deployment.md").read_text()


def test_temporal_in_the_compose_file_is_tuned_like_the_server_we_start() -> None:
    temporal = SERVICES["temporal"]
    (folder,) = (each.split(":") for each in temporal["volumes"])
    file = DEPLOY / folder[0] / Path(temporal["environment"]["DYNAMIC_CONFIG_FILE_PATH"]).relative_to(folder[1])
    options = [
        f"{name}={each['value']}" for name, values in yaml.safe_load(file.read_text()).items() for each in values
    ]
    assert options
    assert set(options) <= set(server_command(1, None, None))


def test_the_compose_file_is_valid() -> None:
    tool = str(Path(sys.executable).parent / "check-jsonschema")
    command = [tool, "--builtin-schema", "vendor.compose-spec", str(DEPLOY / "compose.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own tool
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_step_ends_before_its_worker_is_stopped_and_a_worker_before_its_container() -> None:
    longest = max(LOCAL_ATTEMPT, EXTERNAL_ATTEMPT)
    by_default = timedelta(seconds=Settings.model_fields["shutdown_seconds"].default)
    assert longest < by_default < timedelta(seconds=STOP_SECONDS)
    for name, service in OURS.items():
        shutdown = timedelta(seconds=int(service["environment"]["CHANGEOVER_SHUTDOWN_SECONDS"]))
        grace = timedelta(seconds=int(service["stop_grace_period"].removesuffix("s")))
        assert longest < shutdown < grace, name


def test_every_setting_that_is_named_exists() -> None:
    known = {f"CHANGEOVER_{name.upper()}" for name in Settings.model_fields}
    named = {name for path in TEXTS for name in re.findall(r"CHANGEOVER_[A-Z_]+", path.read_text())}
    assert named
    assert named <= known
    assert set(re.findall(r"CHANGEOVER_[A-Z_]+", PAGE)) <= known


def test_every_mounted_path_exists() -> None:
    mounted = [each for service in SERVICES.values() for each in service.get("volumes", ()) if each.startswith("./")]
    assert mounted
    for each in mounted:
        assert (DEPLOY / each.partition(":")[0]).exists(), each


def test_prometheus_scrapes_our_services_at_their_metrics_ports() -> None:
    scraped = yaml.safe_load((DEPLOY / "prometheus" / "compose.yml").read_text())["scrape_configs"]
    targets = {target for job in scraped for each in job["static_configs"] for target in each["targets"]}
    served = set()
    for name, service in OURS.items():
        if name != "migrate":
            process = "API" if name == "api" else "WORKER"
            served.add(f"{name}:{service['environment'][f'CHANGEOVER_{process}_METRICS_PORT']}")
    assert targets == served


def test_every_image_is_pinned() -> None:
    images = {each["image"] for each in SERVICES.values()}
    images |= set(re.findall(r"^FROM (\S+)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE))
    for image in images:
        assert re.search(r":v?\d+\.\d+", image), image


def test_everything_copied_into_the_image_exists_and_is_not_ignored() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    assert {"runtime", "worker.py", "cli"} <= set(copied)
    not_ignored = re.findall(r"^!(.+)$", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.MULTILINE)
    assert sorted(not_ignored) == sorted(copied)
    for source in copied:
        assert (ROOT / source).exists(), source
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"bench", "examples", "tests"}
    assert packages <= set(copied)
    assert {path.name for path in ROOT.glob("*.py")} <= set(copied)


@pytest.mark.parametrize("name", OURS)
def test_our_processes_have_no_rights_they_do_not_need(name: str) -> None:
    service = OURS[name]
    assert service["read_only"] is True
    assert service["user"] == "10001:10001"
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["deploy"]["resources"]["limits"]["memory"]


def test_nothing_listens_beyond_this_machine_and_no_secret_is_in_the_compose_file() -> None:
    published = [port for each in SERVICES.values() for port in each.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            secret = re.search(r"PASSWORD|SECRET|KEY", name)
            assert not secret or str(value).startswith("/run/secrets/"), name


def test_every_process_waits_for_the_migration() -> None:
    assert SERVICES["migrate"]["restart"] == "no"
    for name in set(OURS) - {"migrate"}:
        assert SERVICES[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert len([name for name in OURS if name.startswith("worker")]) == 2


def test_mounted_files_exist_and_secrets_are_documented() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = str(volume).split(":", maxsplit=1)[0]
            # The files of Prometheus and Grafana are optional, like these two services.
            if source.startswith("./") and "watching" not in service.get("profiles", []):
                assert (DEPLOY / source).exists(), source
    for secret in COMPOSE["secrets"].values():
        assert Path(secret["file"]).name in PAGE


def test_operators_can_send_updates_in_the_web_ui_and_terminate_no_run() -> None:
    settings = SERVICES["temporal-ui"]["environment"]
    for action in ("WORKFLOW_TERMINATE", "WORKFLOW_CANCEL", "WORKFLOW_RESET", "BATCH_ACTIONS", "START_WORKFLOW"):
        assert settings[f"TEMPORAL_{action}_DISABLED"] == "true"
    assert not {"TEMPORAL_DISABLE_WRITE_ACTIONS", "TEMPORAL_WORKFLOW_UPDATE_DISABLED"} & set(settings)
    assert all(name in PAGE for name in settings if name.endswith("_DISABLED"))


def test_a_namespace_is_prepared_with_exactly_the_search_attributes_that_are_written() -> None:
    script = (DEPLOY / "temporal" / "prepare.sh").read_text()
    prepared = {
        (name, kind.upper())
        for kind, names in re.findall(r"^create (\w+) (.+)$", script, re.MULTILINE)
        for name in names.split()
    }
    expected = {(key.name, key.indexed_value_type.name) for key in SEARCH_ATTRIBUTES}
    assert prepared == expected
    for name, _ in expected:
        assert re.search(rf"--search-attribute {name}=", PAGE), name


@pytest.mark.parametrize("profile", ["default", "apikey"])
def test_the_profiles_on_the_page_are_valid(profile: str, tmp_path: Path) -> None:
    first = re.findall(r"printf '(.+)' > secrets/temporal.toml", PAGE)
    elsewhere, _ = (part.split("```")[0] for part in PAGE.split("```toml\n")[1:])
    file = tmp_path / "temporal.toml"
    file.write_text("\n".join([*first, elsewhere]))
    environment = {"TEMPORAL_ADDRESS": "temporal:7233"}
    config = ClientConfig.load_client_connect_config(
        profile=profile, config_file=str(file), override_env_vars=environment
    )
    assert config.get("target_host") == "temporal:7233"
    assert config.get("tls", False) is (profile == "apikey")


def test_a_secret_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "changeover_database").write_text("postgresql://changeover:secret@postgres/changeover\n")
    assert Settings(_secrets_dir=tmp_path).database == "postgresql://changeover:secret@postgres/changeover"
