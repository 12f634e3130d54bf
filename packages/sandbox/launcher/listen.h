/*
 * Ports of the run's own loopback interface on which the server answers: its network ends there, and what goes further
 * is for the server to decide.
 *
 * Each listening socket is made here, inside the run's network namespace, and sent to the server as Node.js sends
 * handles between processes: one line of JSON with the descriptor (SCM_RIGHTS), answered with one line. The channel is
 * closed before the program starts, so that no program of a run ever writes to it.
 */
#if defined(__x86_64__)
enum { SYS_socket = 41, SYS_sendmsg = 46, SYS_bind = 49, SYS_listen = 50 };
#else
enum { SYS_socket = 198, SYS_sendmsg = 211, SYS_bind = 200, SYS_listen = 201 };
#endif
enum { AF_INET = 2, SOCK_STREAM = 1, SOCK_CLOEXEC = 02000000, SOL_SOCKET = 1, SCM_RIGHTS = 1, BACKLOG = 512 };

struct message { void *name; unsigned nameLength; struct span *parts; word partCount; void *control; word controlLength; unsigned flags; };
struct rights { word length; int level, type, descriptor, padding; };

static long listenOn(word port) {
  long fd = sys(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, 0);
  if (fd < 0) return fd;
  unsigned char address[16] = {AF_INET, 0, (unsigned char)(port >> 8), (unsigned char)port, 127, 0, 0, 1};
  long failed = sys(SYS_bind, (word)fd, (word)address, sizeof address, 0);
  if (failed == 0) failed = sys(SYS_listen, (word)fd, BACKLOG, 0, 0);
  return failed < 0 ? failed : fd;
}

/* Returns when the server has the socket, or is gone. */
static void sendSocket(word channel, long socket, word port) {
  char line[128], answer[1];
  char *end = appendText(line, "{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Server\",\"msg\":{\"port\":");
  end = appendText(appendNumber(end, port), "}}\n");
  struct span part = {line, (word)(end - line)};
  struct rights rights = {20, SOL_SOCKET, SCM_RIGHTS, (int)socket, 0};
  struct message message = {0, 0, &part, 1, &rights, sizeof rights, 0};
  if (sys(SYS_sendmsg, channel, (word)&message, 0, 0) != (long)part.length) return;
  for (;;) {
    long got = sys(SYS_read, channel, (word)answer, 1, 0);
    if (got == -EINTR) continue;
    if (got <= 0 || answer[0] == '\n') return;
  }
}

static void offerPort(word channel, word port) {
  long socket = listenOn(port);
  if (socket < 0) return;
  sendSocket(channel, socket, port);
  sys(SYS_close, (word)socket, 0, 0, 0);
}
