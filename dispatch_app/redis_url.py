"""The URL that the settings about Redis amount to, in a form that redis-py and kombu share."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit, urlunsplit


def from_address(address: str, password: str, db: int) -> str:
    """The URL of "host:port" (port 6379 if it says none)."""
    login = f":{quote(password, safe='')}@" if password else ""
    # splitting finds the port behind an IPv6 address too
    port = "" if urlsplit(f"//{address}").port else ":6379"
    return f"redis://{login}{address}{port}/{db}"


def with_tls(url: str, tls: str) -> str:
    """The URL with TLS as `redis.tls` says.

    Args:
        url: redis://, rediss:// or sentinel://; of the last, sentinels and server speak TLS.
        tls: "" (as the URL says), "verify", "insecure" or the file of a CA.

    Raises:
        ValueError: what would be right.
    """
    if not tls:
        return url
    parts = urlsplit(url)
    if parts.scheme == "unix":
        raise ValueError("empty for a unix socket")
    query = "&".join(filter(None, [parts.query, urlencode(_options(tls))]))
    scheme = "rediss" if parts.scheme == "redis" else parts.scheme
    return urlunsplit((scheme, parts.netloc, parts.path, query, ""))


def _options(tls: str) -> dict[str, str]:
    if tls == "verify":
        return {"ssl_cert_reqs": "required"}
    if tls == "insecure":
        return {"ssl_cert_reqs": "none"}
    if Path(tls).is_file():
        return {"ssl_cert_reqs": "required", "ssl_ca_certs": tls}
    raise ValueError("verify, insecure or the path of an existing CA file")


def for_kombu(url: str) -> tuple[str, dict[str, str]]:
    """The URL as kombu's Redis transport takes it, and its transport options.

    kombu calls a unix socket `redis+socket://`, and wants one URL a sentinel and the name of the
    master apart. https://docs.celeryq.dev/en/stable/getting-started/backends-and-brokers/redis.html
    """
    parts = urlsplit(url)
    if parts.scheme == "unix":
        query = parts.query.replace("db=", "virtual_host=")
        return urlunsplit(("redis+socket", parts.netloc, parts.path, query, "")), {}
    if parts.scheme == "sentinel" and ";" not in url:
        login, _, hosts = parts.netloc.rpartition("@")
        master, _, db = parts.path.strip("/").partition("/")
        at = f"{login}@" if login else ""
        urls = [f"sentinel://{at}{host}/{db or 0}" for host in hosts.split(",")]
        return ";".join(urls), {"master_name": master}
    return url, {}
