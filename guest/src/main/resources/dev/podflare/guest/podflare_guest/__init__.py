"""What runs inside a Podflare guest: the agent (PID 1) and the Python interpreter that it keeps."""

VERSION = "0.8.0"
