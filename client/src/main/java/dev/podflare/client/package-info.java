/** The Java SDK: sandboxes and executions over the HTTP API. Start at {@link Podflare}. */
@org.jspecify.annotations.NullMarked
package dev.podflare.client;
