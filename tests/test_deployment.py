"""The image, compose.yaml and what stands around them: what can be told without running them.

`deploy/check_image` builds the root file system and runs it; see docs/deploy.md.
"""

from __future__ import annotations

import json
import re
import runpy
import shlex
import shutil
import subprocess
import tomllib
from types import SimpleNamespace

import pytest
import yaml

from cxr.access.roles import PAGES
from tests.conftest import ROOT

BUILD = runpy.run_path(str(ROOT / "deploy" / "build_root.py"))
NGINX = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
DOCKERFILE = BUILD["instructions"]((ROOT / "Dockerfile").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def services() -> dict:
    return yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]


class TestImage:
    def final(self) -> list[tuple[str, str]]:
        last = max(k for k, (word, _) in enumerate(DOCKERFILE) if word == "FROM")
        return DOCKERFILE[last:]

    def test_all_that_is_installed_is_of_the_lock_by_its_hash(self):
        installs = [rest for word, rest in DOCKERFILE if word == "RUN" and "pip install" in rest]
        (install,) = installs
        assert {"--require-hashes", "--no-deps", "--only-binary=:all:"} <= set(shlex.split(install))
        assert install.endswith("-r requirements.lock")
        assert not any("apt-get" in rest or "curl" in rest for _, rest in DOCKERFILE)

    def test_the_last_stage_installs_nothing_and_is_not_root(self):
        words = [word for word, _ in self.final()]
        assert not any("pip" in rest for word, rest in self.final() if word == "RUN")
        (user,) = [rest for word, rest in self.final() if word == "USER"]
        assert int(user) > 0
        assert words.index("USER") > max(
            k for k, word in enumerate(words) if word in ("RUN", "COPY")
        )
        assert {"HEALTHCHECK", "CMD"} <= set(words)

    def test_its_command_is_that_of_compose_but_for_the_names(self, services):
        (command,) = [json.loads(rest) for word, rest in self.final() if word == "CMD"]
        assert " ".join(command) in " ".join(services["dashboard"]["command"][2].split())

    @pytest.mark.parametrize(
        ("path", "out"),
        [
            ("cxr/model.py", False),
            ("cxr", False),
            ("cxr/__pycache__", True),
            ("cxr/films/__pycache__/x.pyc", True),
            (".streamlit/config.toml", False),
            (".streamlit/secrets.toml", True),
            ("secrets/readings_password", True),
            ("tests/conftest.py", True),
            (".git/config", True),
        ],
    )
    def test_what_docker_leaves_out(self, path, out):
        rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        rules = [rule for rule in rules if rule and not rule.startswith("#")]
        assert BUILD["ignored"](path, rules) is out

    def test_all_that_is_copied_is_there_and_is_not_left_out(self):
        rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
        for word, rest in DOCKERFILE:
            if word == "COPY" and not rest.startswith("--from"):
                for name in rest.split()[:-1]:
                    assert (ROOT / name).exists()
                    assert not BUILD["ignored"](name, rules)


class TestCompose:
    def test_every_service_can_write_nothing_and_gain_nothing(self, services):
        for name, service in services.items():
            assert service["read_only"] is True, name
            assert service["cap_drop"] == ["ALL"], name
            assert service["security_opt"] == ["no-new-privileges:true"], name
            assert service["mem_limit"], name
            assert service["pids_limit"], name
            assert "privileged" not in service, name
            assert "max-size" in service["logging"]["options"], name
            built = "build" in service  # its Dockerfile has the health check
            assert built or service["healthcheck"]["test"], name

    def test_only_the_proxy_is_reached_from_outside(self, services):
        assert [name for name, service in services.items() if "ports" in service] == ["nginx"]
        networks = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["networks"]
        assert networks["inside"] == {"internal": True}
        assert services["readings"]["networks"] == ["inside"]
        assert services["nginx"]["networks"] == ["front"]

    def test_the_proxy_follows_a_dashboard_that_is_updated(self, services):
        assert services["nginx"]["depends_on"]["dashboard"]["restart"] is True

    def test_no_secret_is_in_it(self, services):
        text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
        assert not re.search(r"(?i)password:\s*\S", text.replace("readings_password:\n", ""))
        assert "CXR_OPEN_WITHOUT_SIGN_IN" not in text
        (sign_in,) = [s for s in services["dashboard"]["secrets"] if isinstance(s, dict)]
        assert sign_in["target"] == "/app/.streamlit/secrets.toml"
        ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
        assert {"/secrets/", "/.streamlit/secrets.toml"} <= set(ignored)


class TestProxy:
    def test_it_takes_what_the_dashboard_takes_and_no_more(self):
        config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
        block = re.search(r"location /_stcore/upload_file/ \{(.*?)\}", NGINX, re.DOTALL)
        assert block
        most = re.search(r"client_max_body_size (\d+)m;", block[1])
        assert most
        assert int(most[1]) == config["server"]["maxUploadSize"] + 1
        assert NGINX.count("client_max_body_size") == 2

    def test_no_film_is_in_a_file_and_no_address_in_a_log(self):
        assert "proxy_request_buffering off;" in NGINX
        assert "proxy_max_temp_file_size 0;" in NGINX
        (form,) = re.findall(r"log_format plain (.*?);", NGINX, re.DOTALL)
        told = set(re.findall(r"\$\w+", form))
        assert told == {
            *("$time_iso8601", "$remote_addr", "$request_method", "$asked", "$status"),
            *("$body_bytes_sent", "$request_time"),
        }

    @pytest.mark.parametrize(
        ("path", "told"),
        [
            ("/", "/"),
            ("/media/0123456789abcdef.bin", "/media"),
            ("/_stcore/upload_file/01234567-89ab/cdef", "/_stcore/upload_file"),
            ("/_stcore/stream", "/_stcore/stream"),
            ("/_stcore/bidi-components/cxr_film/film.js", "/_stcore/bidi-components"),
            ("/static/js/index.js", "/static"),
            ("/auth/login", "/auth"),
            ("/oauth2callback", "/oauth2callback"),
            ("/triage/Rosa Reader", "other"),
            ("/mediator", "other"),
            ("/Rosa Reader.dcm", "other"),
            *((f"/{name}", f"/{name}") for name in PAGES),
        ],
    )
    def test_its_log_says_what_was_asked_for_and_not_which(self, path, told):
        (block,) = re.findall(r"map \$uri \$asked \{(.*?)\n    \}", NGINX, re.DOTALL)
        rows = [line.strip(" ;").split(" ") for line in block.strip().splitlines()]
        values = {}
        for key, value in rows:
            pattern = key.removeprefix("~").replace("?<", "?P<")
            if match := re.search(pattern, path) if key.startswith("~") else None:
                values[key] = match[value.removeprefix("$")]
            elif key == path:
                values[key] = value
        assert (list(values.values()) or [dict(rows)["default"]]) == [told]

    def test_its_names_and_ports_are_those_of_compose(self, services):
        assert "server dashboard:8501;" in NGINX
        inside = {port.partition(":")[2] for port in services["nginx"]["ports"]}
        assert inside == {"8443", "8080"} == set(re.findall(r"listen (\d+)[ ;]", NGINX))
        assert "listen 127.0.0.1:8081;" in NGINX
        assert services["nginx"]["healthcheck"]["test"][-1] == "http://127.0.0.1:8081/up"
        for secret in ("tls_certificate", "tls_key"):
            assert secret in services["nginx"]["secrets"]
            assert f"/run/secrets/{secret};" in NGINX


#: Of systemd.unit(5), systemd.service(5), systemd.exec(5), systemd.kill(5) and
#: systemd.resource-control(5), what a service like this one may have.
UNIT_KEYS = {
    "Unit": "Description Documentation After Wants Requires Before StartLimitIntervalSec",
    "Service": """
        Type WorkingDirectory ExecStart ExecReload EnvironmentFile Environment Restart RestartSec
        TimeoutStartSec TimeoutStopSec KillSignal KillMode DynamicUser User Group StateDirectory
        StateDirectoryMode UMask MemoryMax MemoryHigh CPUQuota TasksMax LimitCORE LimitNOFILE
        NoNewPrivileges CapabilityBoundingSet AmbientCapabilities ProtectSystem ProtectHome
        PrivateTmp PrivateDevices PrivateUsers PrivateNetwork ProtectClock ProtectControlGroups
        ProtectHostname ProtectKernelLogs ProtectKernelModules ProtectKernelTunables ProtectProc
        ProcSubset RestrictAddressFamilies RestrictNamespaces RestrictRealtime RestrictSUIDSGID
        LockPersonality MemoryDenyWriteExecute RemoveIPC SystemCallArchitectures SystemCallFilter
        SystemCallErrorNumber SuccessExitStatus RestartForceExitStatus
    """,
    "Install": "WantedBy",
}


class TestUnit:
    @pytest.fixture(scope="class")
    def unit(self) -> str:
        return (ROOT / "deploy" / "cxr.service").read_text(encoding="utf-8")

    def test_it_is_hardened(self, unit):
        said = {
            "NoNewPrivileges=yes",
            "CapabilityBoundingSet=",
            "ProtectSystem=strict",
            "ProtectHome=yes",
            "PrivateTmp=yes",
            "PrivateDevices=yes",
            "DynamicUser=yes",
            "UMask=0077",
        }
        assert said <= set(unit.splitlines())
        assert "--server.address=127.0.0.1" in unit

    def test_it_has_what_systemd_knows_and_each_once(self, unit):
        """Where systemd is not there to be asked: what it does not know, it passes over."""
        part, given = "", []
        for line in unit.splitlines():
            if head := re.fullmatch(r"\[(\w+)\]", line):
                part = head[1]
            elif line and not line.startswith("#"):
                key, equals, _ = line.partition("=")
                assert equals, line
                given.append((part, key))
        assert {part for part, _ in given} == UNIT_KEYS.keys()
        for part, keys in UNIT_KEYS.items():
            assert {key for each, key in given if each == part} <= set(keys.split())
        several = {"Environment", "SystemCallFilter"}
        once = [pair for pair in given if pair[1] not in several]
        assert len(once) == len(set(once))

    def test_systemd_takes_it(self, unit, tmp_path):
        analyze = shutil.which("systemd-analyze")
        if analyze is None:
            pytest.skip("wants systemd-analyze: apt-get install systemd")
        path = tmp_path / "cxr.service"
        path.write_text(
            unit.replace("/opt/cxr/venv/bin/streamlit", "/bin/true").replace("/opt/cxr/app", "/")
        )
        done = subprocess.run([analyze, "verify", str(path)], capture_output=True, text=True)
        assert "cxr.service" not in done.stderr.replace(str(tmp_path), ""), done.stderr


class TestSupplyChain:
    @pytest.fixture(scope="class")
    def chain(self) -> dict:
        return runpy.run_path(str(ROOT / ".ci" / "supply_chain.py"))

    def test_the_bill_of_materials_is_the_lock(self, chain, tmp_path):
        assert chain["sbom"](tmp_path / "sbom.json", check=False) == 0
        bill = json.loads((tmp_path / "sbom.json").read_text())
        assert bill["bomFormat"] == "CycloneDX"
        text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
        locked = {
            (name, version): set(re.findall(r"sha256:([0-9a-f]{64})", hashes))
            for name, version, hashes in re.findall(
                r"^([\w.-]+)==([\w.]+)\s*(?:;[^\\\n]*)?\\\n((?:    --hash=\S+(?: \\)?\n)+)",
                text,
                re.MULTILINE,
            )
        }
        assert len(locked) == len(re.findall(r"^[\w.-]+==", text, re.MULTILINE))
        billed = {
            (part["name"], part["version"]): {
                one["content"] for where in part["externalReferences"] for one in where["hashes"]
            }
            for part in bill["components"]
        }
        assert billed == locked

    def test_what_an_audit_comes_to(self, chain):
        judged = chain["judged"]
        hole = {"id": "PYSEC-1", "fix_versions": ["2.0"], "aliases": [], "description": ""}
        packages = [
            {"name": "safe", "version": "1", "vulns": []},
            {"name": "unsafe", "version": "1", "vulns": [hole]},
            {"name": "elsewhere", "skip_reason": "not found"},
        ]
        said = json.dumps({"dependencies": packages, "fixes": []})
        assert judged(said) == (["unsafe 1: PYSEC-1, mended in 2.0"], 2, 1)
        assert judged(None) == judged("no JSON") == judged("{}") == ([], 0, 0)

    @pytest.mark.parametrize(
        ("vulns", "status"), [([], 0), ([{"id": "PYSEC-1", "fix_versions": []}], 1)]
    )
    def test_a_known_vulnerability_fails_and_no_network_does_not(
        self, chain, vulns, status, capsys
    ):
        space = chain["audit"].__globals__
        packages = [{"name": "one", "version": "1", "vulns": vulns}]
        space["audited"] = lambda _: json.dumps({"dependencies": packages})
        assert chain["audit"]() == status
        space["audited"] = lambda _: None
        capsys.readouterr()
        assert chain["audit"]() == 0
        assert "NOT AUDITED" in capsys.readouterr().out

    def test_an_audit_without_an_answer_says_why_and_one_without_its_program_fails(
        self, chain, monkeypatch, capsys
    ):
        said = "a line before\nERROR: no route to host"
        monkeypatch.setattr(
            subprocess, "run", lambda command, **_: SimpleNamespace(stdout="", stderr=said)
        )
        assert chain["audited"]("pypi") is None
        assert capsys.readouterr().out == "pypi: ERROR: no route to host\n"
        said = "python: No module named pip_audit"
        with pytest.raises(SystemExit) as ended:
            chain["audited"]("pypi")
        assert ended.value.code == said

    def test_an_audit_that_hangs_is_given_up(self, chain, monkeypatch):
        def hangs(command, **options):
            raise subprocess.TimeoutExpired(command, options["timeout"])

        monkeypatch.setattr(subprocess, "run", hangs)
        assert runpy.run_path(str(ROOT / ".ci" / "supply_chain.py"))["audited"]("pypi") is None
