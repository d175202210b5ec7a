"""ComfyUI nodes: load what trimtab learned, and steer the noise that stock samplers start from.

ComfyUI finds the nodes through the two mappings below when this folder lies in ``custom_nodes``.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent  # of the repository's folder, where this one is a link
if importlib.util.find_spec("trimtab") is None:
    for _place in (_HERE / "vendor", _HERE.parents[1] / "src"):
        if (_place / "trimtab" / "__init__.py").is_file():
            # At the end, so that nothing installed is replaced.
            sys.path.append(str(_place))
            break

from . import files  # noqa: E402
from .nodes import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS  # noqa: E402

files.register()

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]
