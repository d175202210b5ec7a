"""Numbers that may be missing: NaN in Python, null in JSON."""

from __future__ import annotations

import math
from typing import Annotated, Any


class _NaNIsNull:
    """Tells pydantic how to read and write such numbers; has no effect without pydantic."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(
            lambda value: math.nan if value is None else value,
            core_schema.float_schema(),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda value: value if math.isfinite(value) else None,
                return_schema=core_schema.nullable_schema(core_schema.float_schema()),
            ),
        )


Number = Annotated[float, _NaNIsNull()]
"""A float; NaN if missing."""
