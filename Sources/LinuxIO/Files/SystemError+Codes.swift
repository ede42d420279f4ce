import Glibc

/// The `errno` values that modules above ask about; they cannot import the C library.
extension SystemError {
  package static let noSuchFile = ENOENT
  package static let fileExists = EEXIST
  package static let noSpace = ENOSPC
  package static let quotaExceeded = EDQUOT
  package static let ioFailure = EIO
  package static let fileTooLarge = EFBIG
  package static let readOnly = EROFS
  package static let noPermission = EACCES
  package static let invalidArgument = EINVAL
  package static let notAFolder = ENOTDIR
  package static let isAFolder = EISDIR
  package static let notEmpty = ENOTEMPTY
  package static let badDescriptor = EBADF

  /// Whether the disk or the user's share of it is full.
  package var isDiskFull: Bool { code == ENOSPC || code == EDQUOT }
  package var isNoSuchFile: Bool { code == ENOENT }
}

/// Makes a system call again while signals interrupt it: the one place where that is done.
///
/// `call` returns a negative value on failure, with the reason in `errno`.
@inline(__always)
func uninterrupted<Result: BinaryInteger>(
  _ name: String, path: String?, _ call: () -> Result
) throws(SystemError) -> Result {
  while true {
    let result = call()
    if result >= 0 { return result }
    let code = errno
    if code != EINTR { throw SystemError(call: name, path: path, code: code) }
  }
}
