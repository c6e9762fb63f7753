package dev.podflare.store.checkpoint;

import java.io.IOException;
import software.amazon.awssdk.core.exception.RetryableException;
import software.amazon.awssdk.core.sync.ResponseTransformer;
import software.amazon.awssdk.http.AbortableInputStream;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;

/**
 * Takes the body of an answer whole. One that is cut is asked for again, which the SDK does not do
 * by itself.
 *
 * @param limit bytes that were asked for
 */
record S3Body(int limit) implements ResponseTransformer<GetObjectResponse, byte[]> {
  @Override
  public byte[] transform(GetObjectResponse head, AbortableInputStream body) {
    byte[] bytes = read(body);
    long announced = head.contentLength();
    if (announced > limit) {
      body.abort(); // the store does not know ranges
    } else if (bytes.length != announced) {
      throw RetryableException.create(
          "the answer was cut after " + bytes.length + " of " + announced + " bytes");
    }
    return bytes;
  }

  private byte[] read(AbortableInputStream body) {
    try {
      return body.readNBytes(limit);
    } catch (IOException e) {
      throw RetryableException.create("the answer was cut: " + e.getMessage(), e);
    }
  }
}
