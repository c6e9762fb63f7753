package dev.podflare.network;

import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.HexFormat;
import java.util.Locale;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.x500.RDN;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.operator.OperatorException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.util.io.pem.PemObject;

/**
 * Makes, reads and writes certificates, with Bouncy Castle. Stateless.
 *
 * <p>Nobody else may use its classes: its jars are signed, so the first class of one costs the
 * check of the whole jar, which no start of the daemon is to wait for. They are loaded with this
 * class, when the first certificate is needed.
 */
final class GateCertificates {
  private static final Duration LIFE = Duration.ofDays(3650);
  private static final Duration LEAF_LIFE = Duration.ofDays(30);

  /** Guests' clocks may be behind. */
  private static final Duration BEFORE = Duration.ofDays(2);

  private static final String SIGNATURE = "SHA256withECDSA";
  private static final SecureRandom RANDOM = new SecureRandom();

  private GateCertificates() {}

  /** A certificate with its key. */
  record Keyed(PrivateKey key, X509Certificate certificate) {}

  /** What {@link #authority} gave. */
  static Keyed read(String text) throws IOException, GeneralSecurityException {
    try (PEMParser pem = new PEMParser(new StringReader(text))) {
      if (pem.readObject() instanceof PrivateKeyInfo key
          && pem.readObject() instanceof X509CertificateHolder holder) {
        return new Keyed(
            new JcaPEMKeyConverter().getPrivateKey(key),
            new JcaX509CertificateConverter().getCertificate(holder));
      }
      throw new IOException("it has no key and certificate");
    }
  }

  /** A new authority: key and certificate, as PEM. */
  static String authority() throws IOException, GeneralSecurityException {
    KeyPair keys = keys();
    byte[] tag = new byte[8];
    RANDOM.nextBytes(tag);
    // Lower case and one word a space: as it is, it is in the form that OpenSSL hashes.
    X500Name name = new X500Name("CN=podflare secret gate " + HexFormat.of().formatHex(tag));
    Instant now = Instant.now();
    X509v3CertificateBuilder builder =
        new JcaX509v3CertificateBuilder(
            name,
            serial(),
            Date.from(now.minus(BEFORE)),
            Date.from(now.plus(LIFE)),
            name,
            keys.getPublic());
    JcaX509ExtensionUtils extensions = new JcaX509ExtensionUtils();
    builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(0));
    builder.addExtension(
        Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign));
    builder.addExtension(
        Extension.subjectKeyIdentifier,
        false,
        extensions.createSubjectKeyIdentifier(keys.getPublic()));
    StringWriter text = new StringWriter();
    try (JcaPEMWriter pem = new JcaPEMWriter(text)) {
      pem.writeObject(new PemObject("PRIVATE KEY", keys.getPrivate().getEncoded()));
      pem.writeObject(signed(builder, keys.getPrivate()));
    }
    return text.toString();
  }

  private static KeyPair keys() throws GeneralSecurityException {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec("secp256r1"), RANDOM);
    return generator.generateKeyPair();
  }

  private static BigInteger serial() {
    return new BigInteger(127, RANDOM).setBit(126);
  }

  private static X509Certificate signed(X509v3CertificateBuilder builder, PrivateKey key)
      throws GeneralSecurityException {
    try {
      return new JcaX509CertificateConverter()
          .getCertificate(builder.build(new JcaContentSignerBuilder(SIGNATURE).build(key)));
    } catch (OperatorException e) {
      throw new GeneralSecurityException(e.getMessage(), e);
    }
  }

  /** A certificate for one host. */
  static Keyed leaf(Keyed authority, String host) throws IOException, GeneralSecurityException {
    KeyPair keys = keys();
    Instant now = Instant.now();
    // Long names do not fit into a common name; programs look at the alternative name alone.
    X509v3CertificateBuilder builder =
        new JcaX509v3CertificateBuilder(
            authority.certificate(),
            serial(),
            Date.from(now.minus(BEFORE)),
            Date.from(now.plus(LEAF_LIFE)),
            new X500Principal("CN=podflare secret gate"),
            keys.getPublic());
    JcaX509ExtensionUtils extensions = new JcaX509ExtensionUtils();
    builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(false));
    builder.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature));
    builder.addExtension(
        Extension.extendedKeyUsage, false, new ExtendedKeyUsage(KeyPurposeId.id_kp_serverAuth));
    builder.addExtension(
        Extension.subjectAlternativeName,
        false,
        new GeneralNames(new GeneralName(GeneralName.dNSName, host)));
    builder.addExtension(
        Extension.authorityKeyIdentifier,
        false,
        extensions.createAuthorityKeyIdentifier(authority.certificate()));
    builder.addExtension(
        Extension.subjectKeyIdentifier,
        false,
        extensions.createSubjectKeyIdentifier(keys.getPublic()));
    return new Keyed(keys.getPrivate(), signed(builder, authority.key()));
  }

  /** As trust stores take it. */
  static String pem(X509Certificate certificate) throws IOException {
    StringWriter text = new StringWriter();
    try (JcaPEMWriter pem = new JcaPEMWriter(text)) {
      pem.writeObject(certificate);
    }
    return text.toString();
  }

  /** Under which OpenSSL looks for it in a folder: eight hex digits, without the {@code .0}. */
  static String subjectHash(X509Certificate certificate)
      throws IOException, GeneralSecurityException {
    MessageDigest digest = MessageDigest.getInstance("SHA-1");
    for (RDN part :
        X500Name.getInstance(certificate.getSubjectX500Principal().getEncoded()).getRDNs()) {
      digest.update(part.getEncoded(ASN1Encoding.DER));
    }
    byte[] hash = digest.digest();
    return String.format(Locale.ROOT, "%02x%02x%02x%02x", hash[3], hash[2], hash[1], hash[0]);
  }
}
