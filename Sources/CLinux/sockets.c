#define _GNU_SOURCE
#include "sockets.h"

int linux_accept4(int listener, struct sockaddr *peer, socklen_t *peer_length) {
  return accept4(listener, peer, peer_length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}
