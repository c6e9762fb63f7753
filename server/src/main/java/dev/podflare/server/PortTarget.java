package dev.podflare.server;

/**
 * What a request for a guest is about. Immutable.
 *
 * @param kind how it is to be reached
 * @param port as written; whether it is one is asked after authentication. Of a terminal its id
 * @param prefix what of the path is ours; empty if the host name says it all
 * @param path what of it is the guest's, as sent: empty or begins with a slash
 */
record PortTarget(Kind kind, String sandboxId, String port, String prefix, String path) {

  /** By path, by host name, as a raw connection, or a terminal as a WebSocket. */
  enum Kind {
    PATH("/v1/sandboxes/{id}/ports/{port}/<path>"),
    HOST("host name"),
    TUNNEL("/v1/sandboxes/{id}/tunnel/{port}"),
    TERMINAL("/v1/sandboxes/{id}/pty/{pty}/ws");

    private final String route;

    Kind(String route) {
      this.route = route;
    }

    /** Name of the route, for metrics. */
    String route() {
      return route;
    }
  }

  /** 0 if it is none. */
  int portNumber() {
    return port.matches("[0-9]{1,5}") ? Integer.parseInt(port) : 0;
  }

  boolean byPath() {
    return kind == Kind.PATH;
  }
}
