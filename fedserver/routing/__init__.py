"""Typed endpoints: a handler's signature is its contract, the decorator only attaches data."""

from fedserver.routing.callers import AppToken, Caller, Newcomer, Token
from fedserver.routing.endpoints import Endpoint, Media, all_endpoints, endpoint
from fedserver.routing.mounting import CONTEXT, mount
from fedserver.routing.offsets import OffsetPage, OffsetParams
from fedserver.routing.pages import Page, PageParams
from fedserver.routing.params import Id, Params, UploadedFile
from fedserver.routing.responses import JSON, Reply, wanted_signature
from fedserver.routing.signed_requests import signed_request

__all__ = [
    "CONTEXT",
    "JSON",
    "AppToken",
    "Caller",
    "Endpoint",
    "Id",
    "Media",
    "Newcomer",
    "OffsetPage",
    "OffsetParams",
    "Page",
    "PageParams",
    "Params",
    "Reply",
    "Token",
    "UploadedFile",
    "all_endpoints",
    "endpoint",
    "mount",
    "signed_request",
    "wanted_signature",
]
