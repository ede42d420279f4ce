import CCurl

extension HTTPClientConfiguration.TLS {
  /// Sets whom the transfer of `handle` trusts, and how it shows itself; whether curl took it.
  func apply(to handle: UnsafeMutableRawPointer) -> Bool {
    sluice_curl_set_long(handle, CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
    if skipsVerification {
      sluice_curl_set_long(handle, CURLOPT_SSL_VERIFYPEER, 0)
      sluice_curl_set_long(handle, CURLOPT_SSL_VERIFYHOST, 0)
    }
    var isGood = true
    let files = [
      (CURLOPT_CAINFO, authorityPath), (CURLOPT_SSLCERT, certificatePath),
      (CURLOPT_SSLKEY, keyPath),
    ]
    for (option, path) in files {
      if let path { isGood = sluice_curl_set_text(handle, option, path) == CURLE_OK && isGood }
    }
    return isGood
  }
}
