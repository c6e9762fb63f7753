/** The Java SDK: sandboxes and executions over the HTTP API. */
@org.jspecify.annotations.NullMarked
package dev.podflare.client;
