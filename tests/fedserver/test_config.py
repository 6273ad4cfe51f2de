"""Settings: where they come from, and what is said about wrong ones."""

import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from fedserver.config import Config, DevelopmentConfig, InstanceConfig, load
from fedserver.config.example import example
from fedserver.config.settings import is_local_domain
from fedserver.errors import ConfigError

EXAMPLE_FILE = Path(__file__).parents[2] / "config.example.toml"


def write(folder: Path, text: str) -> Path:
    file = folder / "config.toml"
    file.write_text(text, "utf-8")
    return file


def error_of(folder: Path, text: str, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(write(folder, text), environ or {})
    return str(caught.value)


class TestSources:
    def test_without_anything_it_is_a_local_instance(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        config = load(None, {})
        assert config.base_url == "http://localhost:8080"
        assert config.data.folder == tmp_path / "data"

    def test_the_file_of_the_working_folder_is_found(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        write(tmp_path, '[instance]\ntitle = "Here"\n')
        assert load(None, {}).instance.title == "Here"

    def test_the_environment_lies_over_the_file(self, tmp_path: Path) -> None:
        file = write(tmp_path, '[instance]\ntitle = "File"\n[server]\nport = 9000\n')
        config = load(file, {"FEDSERVER_SERVER__PORT": "9001", "PATH": "/bin"})
        assert (config.instance.title, config.server.port) == ("File", 9001)

    def test_another_port_moves_the_local_domain_along(self, tmp_path: Path) -> None:
        config = load(write(tmp_path, ""), {"FEDSERVER_SERVER__PORT": "9001"})
        assert config.base_url == "http://localhost:9001"

    def test_another_port_does_not_move_a_set_domain(self, tmp_path: Path) -> None:
        file = write(tmp_path, '[instance]\ndomain = "a.example"\n[server]\nport = 9000\n')
        assert load(file, {}).base_url == "https://a.example"

    def test_paths_start_at_the_file(self, tmp_path: Path) -> None:
        file = write(tmp_path, '[data]\nfolder = "d"\n[development]\nca_file = "ca.pem"\n')
        config = load(file, {})
        assert config.data.folder == tmp_path / "d"
        assert config.development.ca_file == tmp_path / "ca.pem"

    @pytest.mark.parametrize(
        ("name", "text", "expected"),
        [
            ("INSTANCE__LANGUAGES", "en, de", ("en", "de")),
            ("INSTANCE__LANGUAGES", '["fr"]', ("fr",)),
            ("FEDERATION__REQUEST_TIMEOUT_S", "2.5", 2.5),
            ("FEDERATION__SIGNED_FETCHES_ONLY", "yes", True),
            ("DEVELOPMENT__HOST_MAP", "b.test=127.0.0.1:81", {"b.test": "127.0.0.1:81"}),
            ("DEVELOPMENT__PLAIN_HTTP", "false", False),
            ("DATA__FOLDER", "/srv/data", Path("/srv/data")),
        ],
    )
    def test_every_type_fits_in_a_variable(
        self, tmp_path: Path, name: str, text: str, expected: object
    ) -> None:
        config = load(write(tmp_path, ""), {f"FEDSERVER_{name}": text})
        section, _, key = name.lower().partition("__")
        assert getattr(getattr(config, section), key) == expected


class TestWrongSettings:
    def test_an_unknown_key_names_its_line_and_the_nearest_key(self, tmp_path: Path) -> None:
        message = error_of(tmp_path, "[instance]\n\n[server]\nlisten = '::1'\nprot = 1\n")
        assert "line 5: [server] prot" in message
        assert "Did you mean [server] port?" in message

    def test_a_key_in_the_wrong_section_is_pointed_to_its_own(self, tmp_path: Path) -> None:
        assert "[media] max_attachments" in error_of(tmp_path, "[server]\nmax_attachments = 4\n")

    def test_an_unknown_section(self, tmp_path: Path) -> None:
        message = error_of(tmp_path, "[instanse]\ntitle = 'x'\n")
        assert "line 1" in message
        assert "Did you mean [instance]?" in message

    def test_a_key_outside_of_sections(self, tmp_path: Path) -> None:
        assert "no such key" in error_of(tmp_path, "port = 1\n")

    def test_a_section_written_as_a_key(self, tmp_path: Path) -> None:
        assert "write [server]" in error_of(tmp_path, "server = 1\n")

    def test_an_unknown_variable(self, tmp_path: Path) -> None:
        message = error_of(tmp_path, "", {"FEDSERVER_SERVER_PORT": "1"})
        assert "Did you mean FEDSERVER_SERVER__PORT?" in message

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ('[server]\nport = "8080"', 'needs a whole number, such as 10, not "8080"'),
            ("[server]\nport = true", "needs a whole number"),
            ("[server]\nport = 70000", "too large, at most 65535"),
            ("[media]\nmax_image_bytes = 1", "at least 1024 bytes"),
            ("[instance]\ntitle = 5", "needs a text in quotes"),
            ("[instance]\nrules = [1]", "needs a list of texts"),
            ('[log]\nformat = "maybe"', 'one of "text", "json"'),
            ('[instance]\ndomain = "https://a.example/"', "without https://"),
            ('[instance]\ndomain = "a b.example"', "no host name"),
            ("[instance]\ndomain = 5", "for example social.example"),
            ('[server]\ntrusted_proxies = ["proxy"]', "neither an IP address nor a network"),
            ('[database]\nurl = "mysql://u:secret@h/d"', "postgresql://"),
            ("[database]\npool_min = 50", "pool_min is larger"),
            ('[development]\nreachable_addresses = ["10.0.0.0/8"]', "no IP address"),
            ('[development]\nhost_map = {"a.test" = "127.0.0.1"}', "needs a port"),
            ("[federation]\nrequest_timeout_s = nan", "finite"),
            ('[network]\nsocks = "http://a:1"', "SOCKS5 proxy, for example socks5://"),
            ("[network]\nfallback = true", "needs socks"),
            ('[server]\nalternates = ["alt.example"]', "no address without a path"),
            ('[server]\nalternates = ["https://alt.example/a"]', "no address without a path"),
            ('[server]\nalternates = ["http://short.onion"]', "no name of an onion service"),
            ('[server]\nalternates = ["http://localhost:8080"]', "names the domain itself"),
            ("[server\n", "not valid TOML"),
        ],
    )
    def test_the_message_says_what_is_wanted(self, tmp_path: Path, text: str, said: str) -> None:
        assert said in error_of(tmp_path, text)

    def test_a_password_is_not_told(self, tmp_path: Path) -> None:
        assert "secret" not in error_of(tmp_path, '[database]\nurl = "mysql://u:secret@h/d"')
        url = "postgresql://u:secret@h/d"
        config = load(write(tmp_path, f'[database]\nurl = "{url}"'), {})
        assert config.database.url == url
        assert "secret" not in repr(config)

    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="does not exist"):
            load(tmp_path / "none.toml", {})


class TestDomain:
    @pytest.mark.parametrize(
        ("written", "kept"),
        [
            ("Social.Example", "social.example"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("localhost:9000", "localhost:9000"),
            ("[::1]:8080", "[::1]:8080"),
        ],
    )
    def test_it_is_kept_in_one_form(self, tmp_path: Path, written: str, kept: str) -> None:
        file = write(tmp_path, f'[instance]\ndomain = "{written}"\n')
        assert load(file, {}).instance.domain == kept

    @pytest.mark.parametrize(
        "domain", ["localhost", "localhost:1", "a.localhost", "b.test:80", "127.0.0.1", "[::1]:80"]
    )
    def test_local_domains(self, domain: str) -> None:
        assert is_local_domain(domain)
        assert Config(instance=InstanceConfig(domain=domain)).base_url == f"http://{domain}"

    @pytest.mark.parametrize(
        "domain", ["social.example", "localhost.example", "test", "10.0.0.1", "mytest", "8.8.8.8:1"]
    )
    def test_public_domains(self, domain: str) -> None:
        assert not is_local_domain(domain)
        assert Config(instance=InstanceConfig(domain=domain)).base_url == f"https://{domain}"


class TestDevelopment:
    @pytest.mark.parametrize(
        "line",
        [
            "plain_http = true",
            'reachable_addresses = ["127.0.0.1"]',
            'host_map = { "b.test" = "127.0.0.1:81" }',
            'ca_file = "ca.pem"',
            "rate_limits = false",
        ],
    )
    def test_each_key_is_refused_under_a_public_domain(self, tmp_path: Path, line: str) -> None:
        text = f'[instance]\ndomain = "social.example"\n[development]\n{line}\n'
        message = error_of(tmp_path, text)
        assert line.split()[0] in message
        assert "allow_under_public_domain = true" in message
        allowed = write(tmp_path, f"{text}allow_under_public_domain = true\n")
        assert load(allowed, {}).development.used() == [line.split()[0]]

    def test_under_a_local_domain_they_may_be_used(self) -> None:
        config = Config(development=DevelopmentConfig(plain_http=False, rate_limits=False))
        assert config.base_url == "https://localhost:8080"

    def test_saying_that_nothing_is_loosened_is_no_use(self) -> None:
        Config(
            instance=InstanceConfig(domain="social.example"),
            development=DevelopmentConfig(plain_http=False),
        )


class TestExample:
    def test_the_file_is_what_the_settings_say(self) -> None:
        """To renew it: fedserver config example > config.example.toml."""
        assert EXAMPLE_FILE.read_text("utf-8") == example()

    def test_it_lists_every_field_with_its_default(self, tmp_path: Path) -> None:
        text = EXAMPLE_FILE.read_text("utf-8")
        for section in fields(Config):
            for field in fields(getattr(Config(), section.name)):
                assert f"\n{field.name} = " in text or f"\n# {field.name} = " in text
        loaded = load(write(tmp_path, text), {})
        assert loaded.instance == Config().instance
        assert loaded.federation == Config().federation
        assert set(tomllib.loads(text)) == {section.name for section in fields(Config)}

    def test_every_field_has_its_reason(self) -> None:
        for section in fields(Config):
            for field in fields(getattr(Config(), section.name)):
                assert field.metadata["setting"].reason.endswith("."), field.name
