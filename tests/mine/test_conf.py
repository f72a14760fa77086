"""bitcoin.conf is read as bitcoin-cli reads it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.bitcoind import START_SECONDS, bitcoind, free_port
from hashjoule.errors import HashjouleError, UnavailableError, UsageError
from hashjoule.mine.bitcoind.conf import NodeConf
from hashjoule.mine.bitcoind.credentials import RPC_PASSWORD_VARIABLE, Credentials
from hashjoule.mine.bitcoind.rpc import Rpc

SECRET = "s3cr3t-0123456789abcdef"


@pytest.mark.parametrize(
    ("chain", "port", "cookie"),
    [
        ("main", 8332, ".cookie"),
        ("signet", 38332, "signet/.cookie"),
        ("testnet4", 48332, "testnet4/.cookie"),
        ("regtest", 18443, "regtest/.cookie"),
    ],
)
def test_without_a_file_ports_and_cookies_are_the_usual_ones(
    chain: str, port: int, cookie: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The defaults are those of Bitcoin Core, with --datadir and without.

    Source: chainparamsbase.cpp, and GetDefaultDataDir on Linux.
    """
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    for conf, directory in ((NodeConf(chain, tmp_path), tmp_path), (NodeConf(chain), tmp_path / ".bitcoin")):
        assert conf.url == f"http://127.0.0.1:{port}"
        assert str(conf.credentials) == str(Credentials(directory / cookie))


def conf(tmp_path: Path, text: str, chain: str = "regtest") -> NodeConf:
    """Return the settings of a file with this content."""
    (tmp_path / "bitcoin.conf").write_text(text)
    return NodeConf(chain, tmp_path)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", "http://127.0.0.1:18443"),
        ("# rpcport=1\n\n  \n", "http://127.0.0.1:18443"),
        ("rpcport=2000\n", "http://127.0.0.1:18443"),
        ("[signet]\nrpcport=2000\n", "http://127.0.0.1:18443"),
        ("[regtest]\n  rpcport = 4000 # why\n", "http://127.0.0.1:4000"),
        ("regtest=1\nrpcport=2000\nregtest.rpcport=3000\n[regtest]\nrpcport=4000\n", "http://127.0.0.1:3000"),
        ("rpcconnect=10.0.0.1\n[regtest]\nrpcconnect=10.0.0.2\nrpcconnect=10.0.0.3\n", "http://10.0.0.2:18443"),
        ("rpcconnect=10.0.0.1\nrpcconnect=10.0.0.2\n", "http://10.0.0.1:18443"),
    ],
)
def test_which_setting_counts(text: str, url: str, tmp_path: Path) -> None:
    """A chain's own setting comes before a common one, and the first of several counts."""
    assert conf(tmp_path, text).url == url


def test_a_port_at_the_top_is_mains(tmp_path: Path) -> None:
    """A port outside any section belongs to main."""
    assert conf(tmp_path, "rpcport=2000\n", "main").url == "http://127.0.0.1:2000"


def test_the_datadir_of_the_usual_file_holds_the_cookie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `datadir` in the file counts unless --datadir is given."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    (tmp_path / ".bitcoin").mkdir()
    conf(tmp_path / ".bitcoin", "datadir=/elsewhere\n")
    assert str(NodeConf("signet").credentials) == "the cookie /elsewhere/signet/.cookie"
    assert str(conf(tmp_path, "datadir=/elsewhere\n").credentials) == f"the cookie {tmp_path}/regtest/.cookie"


def test_a_password_is_used_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without a password logs in with the cookie, as with bitcoin-cli."""
    monkeypatch.delenv(RPC_PASSWORD_VARIABLE, raising=False)
    credentials = conf(tmp_path, f"rpcuser=alice\nrpcpassword={SECRET}\n").credentials
    assert credentials.header() == "Basic YWxpY2U6czNjcjN0LTAxMjM0NTY3ODlhYmNkZWY="
    assert SECRET not in str(credentials) + repr(credentials)
    assert str(conf(tmp_path, "rpcuser=alice\n").credentials).startswith("the cookie ")


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        (f"server=1\n{SECRET}\n", UsageError, r"line 2 of .*bitcoin\.conf is not of the form setting=value"),
        ("[regtest]\nrpcport=http\n", UsageError, "must look like"),
    ],
)
def test_a_file_that_does_not_do_is_one_sentence(
    text: str, error: type[HashjouleError], says: str, tmp_path: Path
) -> None:
    """It names the file and the line and shows nothing of it, since it may hold a password."""
    with pytest.raises(error, match=says) as caught:
        Rpc(conf(tmp_path, text).url, Credentials(user="alice"))
    assert SECRET not in str(caught.value)


def test_a_file_that_may_not_be_read_is_one_sentence(tmp_path: Path) -> None:
    """It says which options replace the file."""
    (tmp_path / "bitcoin.conf").mkdir()
    with pytest.raises(UnavailableError, match=r"bitcoin\.conf cannot be read \(.*\); give --rpc-url and --cookie"):
        NodeConf("main", tmp_path)


@contextmanager
def node_with_only(datadir: Path) -> Iterator[None]:
    """Run a bitcoind that is given nothing but its data directory."""
    process = subprocess.Popen([bitcoind(), f"-datadir={datadir}", "-printtoconsole=0"])
    try:
        cli = [str(bitcoind().with_name("bitcoin-cli")), f"-datadir={datadir}", "-rpcwait"]
        subprocess.run([*cli, f"-rpcwaittimeout={START_SECONDS}", "getblockcount"], check=True, capture_output=True)
        yield
    finally:
        process.kill()
        process.wait(START_SECONDS)


@pytest.mark.parametrize(
    "text",
    [
        "[regtest]\nrpcport=PORT\n",
        "regtest.rpcport=PORT\nrpccookiefile=elsewhere\n",
        f"rpcuser=alice\nrpcpassword={SECRET}\n[regtest]\nrpcport=PORT\n",
    ],
    ids=["section", "cookie file", "password"],
)
def test_what_bitcoin_cli_finds_is_found(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same file configures bitcoind, bitcoin-cli and us."""
    monkeypatch.delenv(RPC_PASSWORD_VARIABLE, raising=False)
    port = str(free_port())
    common = "regtest=1\nlisten=0\nregtest.connect=0\n"
    settings = conf(tmp_path, common + text.replace("PORT", port))
    with node_with_only(tmp_path), Rpc(settings.url, settings.credentials) as client:
        assert client.call("getblockcount", answer=int) == 0
