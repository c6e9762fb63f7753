package dev.podflare.client;

import java.security.Provider;
import java.security.SecureRandom;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLContextSpi;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocketFactory;
import javax.net.ssl.SSLSessionContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;

/**
 * The TLS of an {@link java.net.http.HttpClient} that never speaks it, because its server is
 * reached by plain HTTP and redirects are not followed. Such a client asks for one all the same,
 * and a real one takes a tenth of what the command line takes to start: it looks through the
 * providers and reads the certificates of the JDK's trust store.
 */
final class PlainHttp extends SSLContext {
  private PlainHttp() {
    super(new NoTls(), new None(), "none");
  }

  static SSLContext withoutTls() {
    return new PlainHttp();
  }

  private static final class None extends Provider {
    private static final long serialVersionUID = 1;

    None() {
      super("none", "1", "no TLS");
    }
  }

  private static final class NoTls extends SSLContextSpi {
    @Override
    protected SSLParameters engineGetDefaultSSLParameters() {
      return new SSLParameters(new String[0], new String[0]);
    }

    @Override
    protected SSLParameters engineGetSupportedSSLParameters() {
      return engineGetDefaultSSLParameters();
    }

    @Override
    protected void engineInit(KeyManager[] keys, TrustManager[] trusted, SecureRandom random) {
      throw none();
    }

    @Override
    protected SSLSocketFactory engineGetSocketFactory() {
      throw none();
    }

    @Override
    protected SSLServerSocketFactory engineGetServerSocketFactory() {
      throw none();
    }

    @Override
    protected SSLEngine engineCreateSSLEngine() {
      throw none();
    }

    @Override
    protected SSLEngine engineCreateSSLEngine(String host, int port) {
      throw none();
    }

    @Override
    protected SSLSessionContext engineGetServerSessionContext() {
      throw none();
    }

    @Override
    protected SSLSessionContext engineGetClientSessionContext() {
      throw none();
    }

    private static UnsupportedOperationException none() {
      return new UnsupportedOperationException("this client speaks plain HTTP only");
    }
  }
}
