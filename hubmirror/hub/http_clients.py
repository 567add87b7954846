"""Answers for those who fetch over HTTP: urllib, urllib3 (so requests, gdown, botocore), httpx.

Each gets the mirrored bytes as its own kind of response, and a miss as its own kind of error, with
ours as the cause. No library is imported here: each comes with the hook that is put into it.
"""

from __future__ import annotations

import functools
import sys
import urllib.error
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from http import HTTPStatus
from types import ModuleType
from typing import TYPE_CHECKING, Any

from hubmirror.errors import OfflineMissError
from hubmirror.hub.replies import Reply, reply_to

if TYPE_CHECKING:  # its import is what `hubmirror run` waits for, and no business of ours
    from urllib.request import OpenerDirector, Request

_DEFAULT_PORTS = {"http": 80, "https": 443}


def answer_urllib(
    original: Callable[..., Any],
    opener: OpenerDirector,
    fullurl: str | Request,
    data: Any = None,
    *args: Any,
    **kwargs: Any,
) -> Any:
    """Answer ``OpenerDirector.open``: what ``urlopen`` and ``urlretrieve`` stand on."""
    if isinstance(fullurl, str):
        method, url, headers = "GET" if data is None else "POST", fullurl, {}
    else:
        method = fullurl.get_method() if data is None else "POST"
        url, headers = fullurl.full_url, dict(fullurl.header_items())
    reply = reply_to("urllib", method, url, headers)
    if reply is None:
        return original(opener, fullurl, data, *args, **kwargs)
    response = reply.as_response()
    if reply.status >= HTTPStatus.BAD_REQUEST:
        raise urllib.error.HTTPError(
            url, reply.status, reply.status.phrase, response.headers, response
        )
    response.msg = response.reason  # type: ignore[assignment]  # as urllib's own handlers do
    return response


def answer_urllib3(
    original: Callable[..., Any],
    pool: Any,
    method: str,
    url: str,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    *args: Any,
    **kwargs: Any,
) -> Any:
    """Answer ``HTTPConnectionPool.urlopen`` of urllib3 1.26 and 2."""
    try:
        asked = headers if headers is not None else pool.headers
        reply = reply_to("urllib3", method.upper(), _address(pool, url), asked or {})
    except OfflineMissError as miss:
        error = sys.modules["urllib3.exceptions"].MaxRetryError
        raise error(pool, url, miss) from miss
    if reply is None:
        return original(pool, method, url, body, headers, *args, **kwargs)
    response = reply.as_response()
    return sys.modules["urllib3.response"].HTTPResponse(
        body=response,
        headers=dict(reply.headers),
        status=int(reply.status),
        version=11,
        reason=reply.status.phrase,
        preload_content=kwargs.get("preload_content", True),
        decode_content=kwargs.get("decode_content", True),
        original_response=response,
        request_method=reply.method,
        request_url=url,
    )


def _address(pool: Any, url: str) -> str:
    if "://" in url:  # as proxies are asked
        return url
    host = f"[{pool.host}]" if ":" in pool.host and "[" not in pool.host else pool.host
    is_default = pool.port in (None, _DEFAULT_PORTS.get(pool.scheme))
    return f"{pool.scheme}://{host}{'' if is_default else f':{pool.port}'}{url}"


def answer_httpx(
    library: ModuleType, original: Callable[..., Any], transport: Any, request: Any
) -> Any:
    """Answer ``HTTPTransport.handle_request`` of httpx and httpx2."""
    reply = _httpx_reply(library, request)
    return original(transport, request) if reply is None else _httpx_response(library, reply)


async def answer_httpx_async(
    library: ModuleType, original: Callable[..., Awaitable[Any]], transport: Any, request: Any
) -> Any:
    """Answer ``AsyncHTTPTransport.handle_async_request`` of the same."""
    reply = _httpx_reply(library, request)
    return await original(transport, request) if reply is None else _httpx_response(library, reply)


def _httpx_reply(library: ModuleType, request: Any) -> Reply | None:
    try:
        return reply_to(library.__name__, request.method, str(request.url), request.headers)
    except OfflineMissError as miss:
        raise library.ConnectError(str(miss), request=request) from miss


def _httpx_response(library: ModuleType, reply: Reply) -> Any:
    return library.Response(
        int(reply.status),
        headers=dict(reply.headers),
        stream=_body_class(library)(reply),
        extensions={"http_version": b"HTTP/1.1", "reason_phrase": reply.status.phrase.encode()},
    )


@functools.cache
def _body_class(library: ModuleType) -> Any:
    class Body(library.SyncByteStream, library.AsyncByteStream):  # type: ignore[name-defined,misc]
        def __init__(self, reply: Reply) -> None:
            self._reply = reply

        def __iter__(self) -> Iterator[bytes]:
            return self._reply.chunks()

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for chunk in self._reply.chunks():
                yield chunk

    return Body
