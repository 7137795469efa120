"""stub"""
from collections.abc import Mapping
from typing import Any
def render_header(header: Mapping[str, Any]) -> str:
    return "# " + header["name"] + "\n"
