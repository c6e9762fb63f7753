"""The asynchronous form, which is the source of the blocking one in ``podflare._sync``."""
