"""LangChain and LangGraph, see ``podflare.integrations.langchain``."""

from podflare.integrations.langchain import PodflareTool, podflare_tools

__all__ = ["PodflareTool", "podflare_tools"]
