"""Google GenAI, see ``podflare.integrations.gemini``."""

from podflare.integrations.gemini import (
    afunction_response_part,
    arun_function_call,
    function_response_part,
    podflare_function_declaration,
    podflare_function_declarations,
    run_function_call,
)

__all__ = [
    "afunction_response_part",
    "arun_function_call",
    "function_response_part",
    "podflare_function_declaration",
    "podflare_function_declarations",
    "run_function_call",
]
