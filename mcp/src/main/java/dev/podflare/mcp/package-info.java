/**
 * The Model Context Protocol: conversations over standard streams and over HTTP, and the tools and
 * resources that models get of sandboxes. Start at {@link Conversation} and {@link
 * PodflareFeatures}.
 */
@org.jspecify.annotations.NullMarked
package dev.podflare.mcp;
