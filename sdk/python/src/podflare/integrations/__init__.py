"""Doors of agent frameworks: ``openai_agents``, ``anthropic``, ``langchain``, ``gemini``,
``claude_agent`` and ``mcp``. Each imports its framework, which its extra installs, for example
``pip install 'podflare[openai-agents]'``."""
