package dev.podflare.store.checkpoint;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.util.Set;
import software.amazon.awssdk.awscore.exception.AwsErrorDetails;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.s3.model.S3Exception;

/** Says in Podflare's codes why S3 refused or failed. */
final class S3Errors {
  private static final Set<String> FULL =
      Set.of("QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "StorageFull");
  private static final Set<String> DENIED =
      Set.of("ExpiredToken", "InvalidToken", "NoSuchBucket", "PermanentRedirect");

  private S3Errors() {}

  /** {@code where}: the store, for the sentence. */
  static PodflareException of(String where, SdkException cause) {
    String reason = String.valueOf(cause.getMessage());
    if (cause instanceof S3Exception answer) {
      return of(where, answer, reason);
    }
    if (reason.contains("Unable to load credentials")) {
      return error(ErrorCode.STORE_DENIED, where + " needs credentials: ", reason, cause);
    }
    return error(ErrorCode.STORE_UNAVAILABLE, where + " is not reached: ", reason, cause);
  }

  private static PodflareException of(String where, S3Exception answer, String reason) {
    int status = answer.statusCode();
    String code = code(answer);
    if (status == 507 || FULL.contains(code)) {
      return error(ErrorCode.STORE_FULL, where + " is full: ", reason, answer);
    }
    if (status == 401 || status == 403 || status == 301 || DENIED.contains(code)) {
      return error(ErrorCode.STORE_DENIED, where + " refuses: ", reason, answer);
    }
    return error(ErrorCode.STORE_UNAVAILABLE, where + " failed: ", reason, answer);
  }

  /** Of the answer's body; empty if it had none, as to HEAD. */
  static String code(S3Exception answer) {
    AwsErrorDetails details = answer.awsErrorDetails();
    return details == null || details.errorCode() == null ? "" : details.errorCode();
  }

  private static PodflareException error(
      ErrorCode code, String what, String reason, SdkException cause) {
    return new PodflareException(code, "the checkpoint store " + what + reason, cause);
  }
}
