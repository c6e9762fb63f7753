/** HTTP, streaming, authentication and metrics over the engine; no logic of its own. */
@org.jspecify.annotations.NullMarked
package dev.podflare.server;
