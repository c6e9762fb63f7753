package dev.podflare.store.checkpoint;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.CompleteMultipartUploadResponse;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.MultipartUpload;
import software.amazon.awssdk.services.s3.model.UploadPartResponse;

/** Puts large objects in pieces, so that no single call is long. Thread-safe. */
final class S3MultipartPut {
  private static final int PIECE = 8 << 20;
  private static final Duration OLD = Duration.ofDays(1);

  private final S3Client client;
  private final String bucket;

  S3MultipartPut(S3Client client, String bucket) {
    this.client = client;
    this.bucket = bucket;
  }

  /** The object is there when this returns, and not before. */
  CompleteMultipartUploadResponse put(String key, byte[] bytes) {
    String upload = client.createMultipartUpload(it -> it.bucket(bucket).key(key)).uploadId();
    try {
      List<CompletedPart> parts = new ArrayList<>();
      for (int offset = 0; offset < bytes.length; offset += PIECE) {
        parts.add(putPiece(key, upload, parts.size() + 1, bytes, offset));
      }
      return client.completeMultipartUpload(
          it -> it.bucket(bucket).key(key).uploadId(upload).multipartUpload(m -> m.parts(parts)));
    } catch (RuntimeException failed) {
      abort(key, upload, failed);
      throw failed;
    }
  }

  private CompletedPart putPiece(String key, String upload, int number, byte[] bytes, int offset) {
    byte[] piece = Arrays.copyOfRange(bytes, offset, Math.min(offset + PIECE, bytes.length));
    UploadPartResponse answer =
        client.uploadPart(
            it -> it.bucket(bucket).key(key).uploadId(upload).partNumber(number),
            RequestBody.fromBytes(piece));
    return CompletedPart.builder().partNumber(number).eTag(answer.eTag()).build();
  }

  private void abort(String key, String upload, RuntimeException failed) {
    try {
      client.abortMultipartUpload(it -> it.bucket(bucket).key(key).uploadId(upload));
    } catch (SdkException again) {
      failed.addSuppressed(again);
    }
  }

  /** Forgets what killed writers began, of the first page; the rest goes with later calls. */
  void abortOld(String prefix) {
    Instant before = Instant.now().minus(OLD);
    for (MultipartUpload upload :
        client.listMultipartUploads(it -> it.bucket(bucket).prefix(prefix)).uploads()) {
      if (upload.initiated().isBefore(before)) {
        client.abortMultipartUpload(
            it -> it.bucket(bucket).key(upload.key()).uploadId(upload.uploadId()));
      }
    }
  }
}
