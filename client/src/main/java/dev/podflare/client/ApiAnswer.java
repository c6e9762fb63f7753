package dev.podflare.client;

import java.net.http.HttpHeaders;
import java.util.Optional;

/** The head of an answer, and its body as it comes; to be closed. */
record ApiAnswer(int status, HttpHeaders headers, DeadlineBody body) {

  Optional<String> header(String name) {
    return headers.firstValue(name);
  }
}
