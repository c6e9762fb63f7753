/** Sandboxes as tools of LangChain4j. */
@NullMarked
package dev.podflare.langchain4j;

import org.jspecify.annotations.NullMarked;
