"""The command `exotel-exporter`, as a user runs it."""

import json
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click
import pytest
import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families

from exporter import __revision__, __version__, release
from exporter.cli import main
from exporter.simulator import Settings, Simulator
from tests.command import COMMAND, Exporter, exporter, run
from tests.configurations import ACCOUNT, TOKEN, document, write
from tests.waiting import GUARD, scaled, wait_until

CALLS = 30
FLAGS = [
    *("--config.file", "--config.check", "--once", "--demo", "--web.listen-address"),
    *(
        "--web.systemd-socket",
        "--web.telemetry-path",
        "--web.config.file",
        "--log.level",
        "--log.format",
        "--version",
        "--help",
    ),
    *("--web.external-url", "--web.route-prefix", "--web.max-requests", "--web.disable-exporter-metrics"),
]

each_signal = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A centre of CALLS calls that stands still, whose account is `ACCOUNT`."""
    settings = Settings(
        calls=CALLS,
        speed=0,
        account_sid=ACCOUNT["account_sid"],
        api_key=ACCOUNT["api_key"],
        api_token=TOKEN,
    )
    with Simulator(settings) as simulator:
        yield simulator


def configured(folder: Path, *accounts: Mapping[str, Any], **sections: Any) -> str:
    """The flag that names a configuration of these accounts, each `ACCOUNT` but for what it gives."""
    eager = {"min_interval": "0s", "requests_per_minute": 100_000}  # each scrape collects anew
    document = {"accounts": [{**ACCOUNT, **eager, **account} for account in accounts], **sections}
    return f"--config.file={write(folder, yaml.safe_dump(document))}"


def values(exposition: str, metric: str) -> dict[str, float]:
    """What a metric says, by account."""
    return {
        sample.labels["account"]: sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
        if sample.name == metric
    }


def messages(log: str) -> list[str]:
    """What the lines of a log say, without their values."""
    return [quoted or plain for quoted, plain in re.findall(r'msg=(?:"([^"]+)"|(\w+))', log)]


@contextmanager
def scrape(server: Exporter, simulator: Simulator) -> Iterator[Future[requests.Response]]:
    """A scrape that is in flight: the simulator has its first request, and hasn't answered it."""
    url = server.url("/metrics")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(requests.get, url, timeout=GUARD)
        wait_until(lambda: simulator.requests_served().get("calls"), "a request for calls")
        assert not answer.done()
        yield answer


# What it says and does without serving


def test_help_names_every_flag() -> None:
    """--help explains each flag, and succeeds."""
    ended = run("--help")
    assert ended.code == 0
    assert [flag for flag in FLAGS if not re.search(rf"^  {flag}\b", ended.out, re.MULTILINE)] == []


def test_help_lists_the_commands_after_the_flags() -> None:
    """One line each; nothing of them is imported for it."""
    _, _, commands = run("--help").out.partition("\nCommands:\n")
    assert re.findall(r"^  (\w+)  ", commands, re.MULTILINE) == ["capture", "doctor"]


def test_version_is_that_of_the_package() -> None:
    """--version is one line with the name, the version and the commit."""
    ended = run("--version")
    assert (ended.code, ended.out, ended.err) == (
        0,
        f"exotel-exporter {release(__version__, __revision__)}\n",
        "",
    )


def test_check_says_ok(tmp_path: Path) -> None:
    """--config.check of a good file says ok, and succeeds."""
    ended = run("--config.check", configured(tmp_path, {"api_token": "${TOKEN}"}), TOKEN=TOKEN)
    assert (ended.code, ended.out, ended.err) == (0, "ok\n", "")


def test_check_of_the_environment_says_ok() -> None:
    """Without a file, --config.check reads the environment."""
    ended = run(
        "--config.check",
        EXOTEL_ACCOUNT_SID="acme1",
        EXOTEL_BASE_URL="https://api.example.com",
        EXOTEL_API_KEY="key",
        EXOTEL_API_TOKEN=TOKEN,
    )
    assert (ended.code, ended.out, ended.err) == (0, "ok\n", "")


@pytest.mark.parametrize("flags", [["--config.check"], ["--once"], []])
def test_every_error_of_the_configuration_is_told(tmp_path: Path, flags: list[str]) -> None:
    """Whatever it was to do, a bad configuration ends it: each error on a line, nothing but errors."""
    file = write(tmp_path, document({"call_limit": "many", "api_token": [TOKEN]}, metrics={"buckets": []}))
    ended = run(f"--config.file={file}", *flags)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.splitlines() == [
        f"{file}:4: accounts[0] (acme1).api_token: found a list; accepted: a non-empty text",
        f'{file}:7: accounts[0] (acme1).call_limit: found "many"; '
        "accepted: a whole number from 1 to 10000000",
        f"{file}:9: metrics: found the unknown key buckets; accepted: duration_buckets",
    ]


def test_an_empty_environment_is_one_error() -> None:
    """Started with nothing at all, it names the variables that it needs, and what there is beside them."""
    ended = run()
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        "environment: found none of EXOTEL_ACCOUNT_SID, EXOTEL_API_KEY, EXOTEL_API_TOKEN, EXOTEL_BASE_URL; "
        "accepted: all of them for one account, or --config.file=PATH "
        "(exotel-exporter --demo needs neither)\n"
    )


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--colour"], "No such option '--colour'."),
        (["dotcor"], "No such command 'dotcor': there are capture and doctor."),
        (["--demo", "dotcor"], "No such command 'dotcor': there are capture and doctor."),
        (["--once", "doctor"], "--once and doctor don't go together: flags before doctor are the exporter's"),
        (["--config.file=a", "capture"], "--config.file and capture don't go together: flags before capture"),
        (["--config.file"], "Option '--config.file' requires an argument."),
        (["--log.level=loud"], "'loud' is not one of 'debug', 'info', 'warn', 'error'."),
        (["--log.format=xml"], "'xml' is not one of 'logfmt', 'json'."),
        (["--web.listen-address=9927"], "found '9927'; accepted: host:port, :port or [IPv6]:port"),
        (["--web.listen-address=:65536"], "found ':65536'; accepted: host:port, :port or [IPv6]:port"),
        (["--web.listen-address="], "found ''; accepted: host:port, :port or [IPv6]:port"),
        (["--web.listen-address=:0", "--web.listen-address=[::1"], "found '[::1'; accepted: host:port"),
        (
            ["--web.listen-address=http://localhost:9927"],
            "found 'http://localhost:9927'; accepted: host:port",
        ),
        (["-h"], "No such option '-h': flags have two dashes"),
        (["--demo=yes"], "Option '--demo' does not take a value."),
        (
            ["--conf=a.yaml"],
            "No such option '--conf'. (Did you mean one of: '--config.check', '--config.file'",
        ),
        (["--config.file="], "'--config.file': found ''; accepted: the path of a file"),
        (["--web.config.file="], "'--web.config.file': found ''; accepted: the path of a file"),
        (["--once", "--web.config.file=a"], "--once and --web.config.file exclude one another"),
        (["--config.file=a.yaml", "--config.file=b.yaml"], "--config.file is given more than once."),
        (["--once", "--log.level=info", "--once"], "--once is given more than once."),
        (
            ["--demo", "--config.file=a"],
            "--demo and --config.file exclude one another: the demo brings its own",
        ),
        (
            ["--web.systemd-socket", "--demo"],
            "--demo and --web.systemd-socket exclude one another: the demo listens on loopback alone",
        ),
        (
            ["--config.check", "--demo"],
            "--demo and --config.check exclude one another: the demo brings its own",
        ),
        (["--once", "--config.check"], "--once and --config.check exclude one another: one asks the API"),
        (["--web.listen-address=:1", "--once"], "--once and --web.listen-address exclude one another"),
        (
            ["--once", "--web.telemetry-path=/x"],
            "--web.telemetry-path exclude one another: --once doesn't serve",
        ),
    ],
)
def test_a_flag_that_is_not_understood_is_named(arguments: list[str], error: str) -> None:
    """With what is accepted, or with the flag that it doesn't go with."""
    assert error in usage_error(arguments)


@pytest.mark.parametrize(
    "path",
    [
        *(
            "",
            "metrics",
            "/",
            "//",
            "/metrics/",
            "/a//b",
            "/-/healthy",
            "/-",
            "/probe",
            "/sd",
            "/config",
            "/probe/x",
            "/calls",
            "/calls.json",
            "/runbooks",
        ),
        *(
            "/.",
            "/a/../b",
            "/a b",
            "/a%20b",
            "/a?b",
            "/a#b",
            "/{a}",
            "/m\u00e9triques",
            "/a\nb",
            "http://a/b",
        ),
    ],
)
def test_metrics_are_at_a_plain_path_that_nothing_else_has(path: str) -> None:
    """What a browser, a proxy or a router would change on the way is refused, as is what is taken."""
    error = usage_error([f"--web.telemetry-path={path}"])
    assert f"found {path!r}; accepted: a path like /metrics of letters, digits, -, _ and ., other" in error


def usage_error(arguments: list[str]) -> str:
    """Return what is said of arguments that can't be used; nothing is run."""
    with pytest.raises(click.UsageError) as caught:
        main.make_context("exotel-exporter", arguments)
    return caught.value.format_message()


@pytest.mark.parametrize("path", ["/active", "/exotel/metrics", "/metrics.txt", "/-x", "/sd2", "/calls.txt"])
def test_metrics_may_be_at_any_other_plain_path(path: str) -> None:
    """Deeper, with dots, or like a path that is taken."""
    context = main.make_context("exotel-exporter", [f"--web.telemetry-path={path}"])
    assert context.params["telemetry_path"] == path


def test_wrong_usage_exits_2() -> None:
    """One line says what is wrong, and where help is; nothing is done."""
    ended = run("--colour", "--once")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "exotel-exporter: error: No such option '--colour'; try --help\n"


def test_help_and_version_come_before_what_is_wrong_with_the_rest() -> None:
    """Who asks for help has reason to."""
    for flag in ("--help", "--version"):
        assert run("--once", "--demo", "--web.listen-address=:0", flag).code == 0


def test_an_occupied_address_is_one_line(tmp_path: Path) -> None:
    """An address that another program has is named with the reason, and ends it."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        ended = run(configured(tmp_path, {}), f"--web.listen-address={taken}")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == f"can't listen on {taken}: address already in use\n"


# --once


def test_once_prints_the_metrics(tmp_path: Path, simulator: Simulator) -> None:
    """--once collects, prints an exposition on standard output, and succeeds in silence."""
    ended = run(
        "--once", configured(tmp_path, {"base_url": simulator.url}, {"base_url": simulator.url, "name": "b"})
    )
    assert (ended.code, ended.err) == (0, "")
    assert values(ended.out, "exotel_up") == {"acme1": 1, "b": 1}
    assert values(ended.out, "exotel_calls_reported") == {"acme1": CALLS, "b": CALLS}


#: What is wrong with an account, how its API fails, and the reason that is told.
TROUBLES: tuple[tuple[dict[str, Any], str | None, str], ...] = (
    ({"api_key": "another"}, None, "auth"),
    ({"account_sid": "another"}, None, "not_found"),
    ({"base_url": "http://127.0.0.1:1"}, None, "connection"),
    ({"timeout": "3s"}, "hang", "timeout"),
    ({}, "status:503", "server_error"),
    ({}, "status:429", "rate_limited"),
    ({}, "html", "bad_response"),
    ({}, "other_json", "bad_response"),
    ({}, "garbage", "connection"),
)


def test_once_with_accounts_that_fail(tmp_path: Path, simulator: Simulator) -> None:
    """Each that fails is named in one line with the reason; the others are printed, and it exits 1."""
    accounts: list[dict[str, Any]] = [{"name": "good", "base_url": simulator.url}]
    with ExitStack() as stack:
        for number, (account, fault, _) in enumerate(TROUBLES):
            settings = Settings(account_sid="acme1", api_key="key", api_token=TOKEN)
            troubled = stack.enter_context(Simulator(settings))
            troubled.set_faults([fault] if fault else [])
            accounts.append({"name": f"bad-{number}", "base_url": troubled.url, **account})
        ended = run("--once", configured(tmp_path, *accounts))
    reasons = {f"bad-{number}": reason for number, (_, _, reason) in enumerate(TROUBLES)}
    assert ended.code == 1
    assert values(ended.out, "exotel_up") == {"good": 1, **dict.fromkeys(reasons, 0)}
    assert values(ended.out, "exotel_calls_reported") == {"good": CALLS}
    told = r'level=warn msg="collection failed" account=(\S+) collector=calls reason=(\w+) '
    assert sorted(re.findall(told, ended.err)) == sorted(reasons.items())
    assert len(ended.err.splitlines()) == len(reasons)


# Serving


@pytest.mark.parametrize(
    ("listen", "said"),
    [
        ("127.0.0.1:0", r"127\.0\.0\.1:[1-9]\d*"),
        (":0", r"(\[::\]|0\.0\.0\.0):[1-9]\d*"),
        ("0.0.0.0:0", r"0\.0\.0\.0:[1-9]\d*"),
        ("localhost:0", r"127\.0\.0\.1:[1-9]\d*"),
    ],
)
def test_port_0_is_a_free_port_that_is_logged(tmp_path: Path, listen: str, said: str) -> None:
    """Whoever asks for port 0 finds the port that was taken in the log, and the exporter behind it."""
    with exporter(tmp_path, configured(tmp_path, {}), listen=(listen,)) as server:
        (address,) = server.addresses()
        assert re.fullmatch(said, address)
        assert requests.get(server.url("/-/healthy"), timeout=GUARD).status_code == 200


def test_it_listens_on_every_address(tmp_path: Path) -> None:
    """--web.listen-address may be repeated."""
    with exporter(tmp_path, configured(tmp_path, {}), listen=("127.0.0.1:0", "127.0.0.1:0")) as server:
        first, second = server.addresses(2)
        assert first != second
        for address in (first, second):
            assert requests.get(f"http://{address}/-/ready", timeout=GUARD).status_code == 200


def test_the_metrics_are_where_they_were_wanted(tmp_path: Path, simulator: Simulator) -> None:
    """--web.telemetry-path moves the metrics; nothing is left at /metrics."""
    flags = (configured(tmp_path, {"base_url": simulator.url}), "--web.telemetry-path=/active")
    with exporter(tmp_path, *flags) as server:
        answer = requests.get(server.url("/active"), timeout=GUARD)
        assert values(answer.text, "exotel_up") == {"acme1": 1}
        assert requests.get(server.url("/metrics"), timeout=GUARD).status_code == 404


def test_nothing_is_set_by_variables_of_other_programs(tmp_path: Path, simulator: Simulator) -> None:
    """The server's library would read this one, and fail over what it holds."""
    flag = configured(tmp_path, {"base_url": simulator.url})
    with exporter(tmp_path, flag, WEB_CONCURRENCY="many") as server:
        assert requests.get(server.url("/-/ready"), timeout=GUARD).ok


def test_a_failure_is_one_line_and_so_is_its_end(tmp_path: Path, simulator: Simulator) -> None:
    """An unchanged failure isn't told again within the minute; scrapes that go on well leave no trace."""
    with exporter(tmp_path, configured(tmp_path, {"base_url": simulator.url})) as server:
        for faults in ([], ["status:404"], ["status:404"], [], [], ["status:404"]):
            simulator.set_faults(faults)
            assert requests.get(server.url("/metrics"), timeout=GUARD).status_code == 200
        log = server.stop(signal.SIGTERM).out
    assert messages(log) == [
        "starting exotel-exporter",
        "listening",
        "collection failed",
        "collection recovered",
        "collection failed",
        "stopping",
    ]
    assert re.search(
        r'msg="collection recovered" account=acme1 collector=calls down_seconds=\S+ failures=2\n', log
    )


def test_json_logs_are_json(tmp_path: Path, simulator: Simulator) -> None:
    """With --log.format=json every line is an object; debugging adds each step of a collection."""
    file = configured(tmp_path, {"base_url": simulator.url, "api_key": "no"})
    with exporter(tmp_path, file, "--log.format=json", "--log.level=debug") as server:
        requests.get(server.url("/metrics"), timeout=GUARD)
        log = server.stop(signal.SIGTERM).out
    starting, listening, *steps, failed, _stopping = map(json.loads, log.splitlines())
    assert [(step["level"], step["msg"]) for step in steps] == [
        ("debug", "collection started"),
        ("debug", "request"),
        ("debug", "listing finished"),
    ]
    assert {name: starting[name] for name in ("level", "msg", "version", "accounts", "config")} == {
        "level": "info",
        "msg": "starting exotel-exporter",
        "version": release(__version__, __revision__),
        "accounts": 1,
        "config": file.partition("=")[2],
    }
    assert (listening["level"], listening["msg"]) == ("info", "listening")
    assert (failed["level"], failed["account"], failed["reason"]) == ("warn", "acme1", "auth")


def test_a_secret_file_that_vanishes_is_one_line(tmp_path: Path, simulator: Simulator) -> None:
    """A credential that can't be read any more is told by the path of its file, and the program goes on."""
    file = tmp_path / "token"
    file.write_text(TOKEN, encoding="utf-8")
    account = {"base_url": simulator.url, "api_token": None, "api_token_file": "token"}
    with exporter(tmp_path, configured(tmp_path, account)) as server:
        url = server.url("/metrics")
        file.unlink()
        assert values(requests.get(url, timeout=GUARD).text, "exotel_up") == {"acme1": 0}
        file.write_text(TOKEN, encoding="utf-8")
        assert values(requests.get(url, timeout=GUARD).text, "exotel_up") == {"acme1": 1}
        log = server.stop(signal.SIGTERM).out
    assert re.findall(r'detail="([^"]*)"', log) == [f"secret file {file}: no such file or directory"]


# The end


@each_signal
def test_a_signal_ends_it(tmp_path: Path, number: signal.Signals) -> None:
    """SIGTERM and SIGINT end an exporter with nothing to do, with success and a line in the log."""
    with exporter(tmp_path, configured(tmp_path, {})) as server:
        server.addresses()
        ended = server.stop(number)
    assert ended.code == 0
    assert messages(ended.out) == ["starting exotel-exporter", "listening", "stopping"]


@each_signal
def test_a_scrape_in_flight_is_answered_before_the_end(
    tmp_path: Path, simulator: Simulator, number: signal.Signals
) -> None:
    """A scrape that has begun when the signal comes gets its answer."""
    simulator.set_faults(["slow:1s"])
    with (
        exporter(tmp_path, configured(tmp_path, {"base_url": simulator.url})) as server,
        scrape(server, simulator) as answer,
    ):
        ended = server.stop(number)
        assert values(answer.result(GUARD).text, "exotel_up") == {"acme1": 1}
    assert ended.code == 0
    assert messages(ended.out) == ["starting exotel-exporter", "listening", "stopping"]


@each_signal
def test_scrapes_that_hang_do_not_hold_up_the_end(
    tmp_path: Path, simulator: Simulator, number: signal.Signals
) -> None:
    """An API that never answers, and a timeout of ten minutes, are no reason to stay: the account is down."""
    simulator.set_faults(["hang"])
    flags = (configured(tmp_path, {"base_url": simulator.url, "timeout": "10m"}), "--log.level=debug")
    with (
        exporter(tmp_path, *flags) as server,
        scrape(server, simulator) as first,
        ThreadPoolExecutor(3) as pool,
    ):
        url = server.url("/metrics")
        others = [pool.submit(requests.get, url, timeout=GUARD) for _ in range(3)]
        wait_until(lambda: server.program.said().count("joined the collection") == 3, "three to join it")
        told_at = time.monotonic()
        ended = server.stop(number)
        took = time.monotonic() - told_at
        answers = [answer.result(GUARD).text for answer in (first, *others)]
    assert [values(text, "exotel_up") for text in answers] == [{"acme1": 0}] * 4
    assert ended.code == 0
    assert took < scaled(6)  # five seconds are promised, whatever hangs


@each_signal
def test_a_collection_made_once_is_given_up_at_a_signal(
    tmp_path: Path, simulator: Simulator, number: signal.Signals
) -> None:
    """The work was not done, and nobody waits for the API: exit 1 at once."""
    simulator.set_faults(["hang"])
    flags = configured(tmp_path, {"base_url": simulator.url, "timeout": "10m"})
    with exporter(tmp_path, "--once", flags, listen=()) as running:
        wait_until(lambda: simulator.requests_served().get("calls"), "the request that hangs")
        ended = running.stop(number)
    assert (ended.code, ended.out) == (1, "")


@pytest.mark.parametrize("flag", ["--once", "--config.check"])
def test_what_cannot_be_written_is_one_line(tmp_path: Path, simulator: Simulator, flag: str) -> None:
    """A full disk behind standard output is told, not shown as a traceback."""
    command = [*COMMAND, flag, configured(tmp_path, {"base_url": simulator.url})]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, timeout=GUARD, check=False)
    assert (done.returncode, done.stderr) == (1, b"can't write to standard output: no space left on device\n")


# --demo


def test_the_demo_shows_a_simulated_centre(tmp_path: Path) -> None:
    """Four lines say where to look; there are calls there, a page for people, and Ctrl-C ends it."""
    with exporter(tmp_path, "--demo") as server:
        metrics, people = server.url("/metrics"), server.url("/")
        said = [line for line in server.program.said().splitlines() if "msg=" not in line]
        answer = requests.get(metrics, timeout=GUARD)
        assert values(answer.text, "exotel_up") == {"demo": 1}
        assert values(answer.text, "exotel_calls_reported")["demo"] > 0
        page = requests.get(people, timeout=GUARD).text
        assert "demo" in page
        assert "simulated" in page
        ended = server.stop(signal.SIGINT)
    assert ended.code == 0
    port = metrics.removesuffix("/metrics").rpartition(":")[2]
    assert said[0].split() == ["Metrics", f"http://localhost:{port}/metrics"]
    assert said[1].split() == ["For", "people", f"http://localhost:{port}/"]
    assert said[2].split()[:3] == ["Live", "calls", f"http://localhost:{port}/calls"]
    assert re.fullmatch(r"Simulated Exotel http://127\.0\.0\.1:\d+  \(Ctrl-C ends both\)", said[3])
    assert len(said) == 4
    assert messages(ended.out) == ["starting exotel-exporter", "listening", "stopping"]


def test_the_demo_needs_no_environment_and_can_be_collected_once() -> None:
    """--demo --once prints the metrics of the simulated centre, and succeeds."""
    ended = run("--demo", "--once")
    assert (ended.code, ended.err) == (0, "")
    assert values(ended.out, "exotel_up") == {"demo": 1}


def test_the_demo_scrapes_itself(tmp_path: Path) -> None:
    """Its page shows calls although nobody has asked for its metrics."""
    with exporter(tmp_path, "--demo") as server:
        people = server.url("/")
        wait_until(lambda: "1 of 1 accounts listed" in requests.get(people, timeout=GUARD).text, "a listing")


def test_the_demo_listens_on_this_machine_alone(tmp_path: Path) -> None:
    """Also where no address is given: what is asked for elsewhere is wrong usage."""
    with exporter(tmp_path, "--demo", listen=("localhost:0", "[::1]:0")) as server:
        assert all(re.match(r"127\.|\[::1\]", address) for address in server.addresses(2))
    for address in (":9931", "0.0.0.0:9931", "[::]:9931", "192.0.2.1:9931", "example.com:9931"):
        ended = run("--demo", f"--web.listen-address={address}")
        assert (ended.code, ended.out) == (2, "")
        assert ended.err == (
            "exotel-exporter: error: Invalid value for '--web.listen-address': "
            f"found '{address}'; accepted with --demo: this machine alone, like 127.0.0.1:9931; try --help\n"
        )
