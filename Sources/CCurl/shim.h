#pragma once
#include <curl/curl.h>

// libcurl sets and asks by variadic functions, which Swift cannot call.
static inline CURLcode sluice_curl_set_long(CURL *handle, CURLoption option, long value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode sluice_curl_set_size(CURL *handle, CURLoption option, curl_off_t value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode sluice_curl_set_text(CURL *handle, CURLoption option, const char *value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode sluice_curl_set_pointer(CURL *handle, CURLoption option, void *value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode sluice_curl_set_list(CURL *handle, CURLoption option,
                                            struct curl_slist *value) {
  return curl_easy_setopt(handle, option, value);
}
typedef size_t (*sluice_curl_transfer)(char *bytes, size_t size, size_t count, void *owner);
static inline CURLcode sluice_curl_set_transfer(CURL *handle, CURLoption option,
                                                sluice_curl_transfer function) {
  return curl_easy_setopt(handle, option, function);
}
typedef int (*sluice_curl_seek)(void *owner, curl_off_t offset, int origin);
static inline CURLcode sluice_curl_set_seek(CURL *handle, sluice_curl_seek function) {
  return curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, function);
}
static inline long sluice_curl_status(CURL *handle) {
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  return status;
}
static inline void *sluice_curl_owner(CURL *handle) {
  char *owner = NULL;
  curl_easy_getinfo(handle, CURLINFO_PRIVATE, &owner);
  return owner;
}
static inline CURLMcode sluice_curl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
  return curl_multi_setopt(multi, option, value);
}
static inline CURLcode sluice_curl_message_result(const CURLMsg *message) {
  return message->data.result;
}
static inline void sluice_curl_authorize(CURL *handle, int bearer) {
  curl_easy_setopt(handle, CURLOPT_HTTPAUTH, bearer ? CURLAUTH_BEARER : CURLAUTH_BASIC);
}
static inline int sluice_curl_socket(CURL *handle) {
  curl_socket_t number = CURL_SOCKET_BAD;
  curl_easy_getinfo(handle, CURLINFO_ACTIVESOCKET, &number);
  return number;
}
