/*
 * Lets git change its configuration inside the boundary.
 *
 * There, `.git/config` is a private copy, mounted over the real one. Git writes `config.lock` and renames it, and
 * the kernel refuses to rename onto a mount. So renames are shown to this process first (seccomp user notification).
 * It lets all of them pass but one: `config.lock` onto a `config` of another file system. That one it carries out by
 * writing into the copy, and it reports the new text, which the server judges.
 *
 * Nothing here is part of the boundary. Without it, git cannot change the copy, and that is all.
 */
enum { SECCOMP_SET_MODE_FILTER = 1, SECCOMP_FILTER_FLAG_NEW_LISTENER = 8, SECCOMP_USER_NOTIF_FLAG_CONTINUE = 1 };
#define SECCOMP_IOCTL_NOTIF_RECV 0xc0502100ul
#define SECCOMP_IOCTL_NOTIF_SEND 0xc0182101ul
#define SECCOMP_IOCTL_NOTIF_ID_VALID 0x40082102ul
#define SECCOMP_RET_ALLOW 0x7fff0000u
#define SECCOMP_RET_USER_NOTIF 0x7fc00000u

struct instruction { unsigned short code; unsigned char ifTrue, ifFalse; unsigned value; };
struct notification { word id; unsigned pid, flags; int call; unsigned arch; word instruction, arguments[6]; };
struct answer { word id; long value; int error; unsigned flags; };
struct span { void *at; word length; };

enum { CONFIG_BYTES_MAX = 262144 };
static char configText[CONFIG_BYTES_MAX + 1];

/* Returns the descriptor that renames arrive on, or -1 where the kernel lacks what is needed. */
static int watchRenames(void) {
  /* Came with Linux 5.6, after the answer "let the kernel do it" (5.5). */
  if (sys(SYS_pidfd_getfd, (word)-1, (word)-1, 0, 0) == -ENOSYS) return -1;
  struct instruction program[] = {
    {0x20, 0, 0, 4},           {0x15, 0, 5, (unsigned)AUDIT_ARCH},   {0x20, 0, 0, 0},
    {0x15, 2, 0, (unsigned)SYS_rename}, {0x15, 1, 0, (unsigned)SYS_renameat}, {0x15, 0, 1, (unsigned)SYS_renameat2},
    {0x06, 0, 0, SECCOMP_RET_USER_NOTIF}, {0x06, 0, 0, SECCOMP_RET_ALLOW},
  };
  struct { unsigned short length; struct instruction *program; } filter = {sizeof program / sizeof program[0], program};
  long listener = sys(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, (word)&filter, 0);
  return listener < 0 ? -1 : (int)listener;
}

/* Reads a path of another process. Returns 0 if it cannot be read or is too long. */
static int readPath(unsigned pid, word address, char path[PATH_MAX]) {
  word first = 4096 - (address & 4095);
  struct span here[1] = {{path, PATH_MAX}};
  struct span there[2] = {{(void *)address, first}, {(void *)(address + first), PATH_MAX - first}};
  long length = sys6(SYS_process_vm_readv, pid, (word)here, 1, (word)there, there[1].length > 0 ? 2 : 1, 0);
  for (long at = 0; at < length; at++) if (path[at] == 0) return 1;
  return 0;
}

/* Cuts `name` off the end of the path. What is left names the directory. Returns 0 if the path ends otherwise. */
static int cutName(char *path, const char *name) {
  char *last = path;
  for (char *at = path; *at; at++) if (*at == '/') last = at + 1;
  if (!isSame(last, name)) return 0;
  if (last == path) *last++ = '.';
  *last = 0;
  return 1;
}

/* Opens a directory as another process would. `from` is its descriptor or AT_FDCWD. */
static long openDirectory(unsigned pid, int from, const char *path) {
  if (*path == '/') return sys(SYS_openat, (word)AT_FDCWD, (word)path, O_PATH | O_CLOEXEC, 0);
  char base[64];
  char *end = appendNumber(appendText(base, "/proc/"), pid);
  if (from == AT_FDCWD) end = appendText(end, "/cwd");
  else end = appendNumber(appendText(end, "/fd/"), (word)from);
  *end = 0;
  long start = sys(SYS_openat, (word)AT_FDCWD, (word)base, O_PATH | O_CLOEXEC, 0);
  if (start < 0) return start;
  long directory = sys(SYS_openat, (word)start, (word)path, O_PATH | O_CLOEXEC, 0);
  sys(SYS_close, (word)start, 0, 0, 0);
  return directory;
}

static word deviceOf(long fd) {
  word stat[32];
  return sys(SYS_fstat, (word)fd, (word)stat, 0, 0) == 0 ? stat[0] : 0;
}

static void reportConfig(word report, long directory, word length) {
  char link[64], path[PATH_MAX], line[64];
  *appendNumber(appendText(link, "/proc/self/fd/"), (word)directory) = 0;
  long pathLength = sys(SYS_readlinkat, (word)AT_FDCWD, (word)link, (word)path, PATH_MAX);
  if (pathLength <= 0) return;
  char *end = appendNumber(appendText(line, "config "), (word)pathLength);
  end = appendText(appendNumber(appendText(end, " "), length), "\n");
  writeAll(report, line, (word)(end - line));
  writeAll(report, path, (word)pathLength);
  writeAll(report, configText, length);
}

/* Carries out the rename if it is the one. Returns 0 if the kernel shall do it. */
static int replaceConfig(word report, long from, long to) {
  long lock = sys(SYS_openat, (word)from, (word) "config.lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
  long config = sys(SYS_openat, (word)to, (word) "config", O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0);
  int done = 0;
  if (lock >= 0 && config >= 0 && deviceOf(lock) != deviceOf(config)) {
    word length = 0;
    for (;;) {
      long got = sys(SYS_read, (word)lock, (word)(configText + length), CONFIG_BYTES_MAX + 1 - length, 0);
      if (got > 0 && (length += (word)got) <= CONFIG_BYTES_MAX) continue;
      done = got == 0;
      break;
    }
    if (done) {
      sys(SYS_ftruncate, (word)config, 0, 0, 0);
      writeAll((word)config, configText, length);
      sys(SYS_unlinkat, (word)from, (word) "config.lock", 0, 0);
      reportConfig(report, to, length);
    }
  }
  if (lock >= 0) sys(SYS_close, (word)lock, 0, 0, 0);
  if (config >= 0) sys(SYS_close, (word)config, 0, 0, 0);
  return done;
}

static void answerRename(int listener, word report) {
  struct notification asked;
  for (word at = 0; at < sizeof asked / sizeof(word); at++) ((word *)&asked)[at] = 0;
  if (sys(SYS_ioctl, (word)listener, SECCOMP_IOCTL_NOTIF_RECV, (word)&asked, 0) < 0) return;
  struct answer answer = {asked.id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE};
  static char old[PATH_MAX], new[PATH_MAX];
  const word *given = asked.arguments;
  int plain = asked.call == SYS_rename;
  word oldPath = plain ? given[0] : given[1], newPath = plain ? given[1] : given[3];
  if (readPath(asked.pid, newPath, new) && cutName(new, "config") && readPath(asked.pid, oldPath, old) && cutName(old, "config.lock")) {
    long from = openDirectory(asked.pid, plain ? AT_FDCWD : (int)given[0], old);
    long to = openDirectory(asked.pid, plain ? AT_FDCWD : (int)given[2], new);
    int isValid = sys(SYS_ioctl, (word)listener, SECCOMP_IOCTL_NOTIF_ID_VALID, (word)&asked.id, 0) == 0;
    if (isValid && from >= 0 && to >= 0 && replaceConfig(report, from, to)) answer.flags = 0;
    if (from >= 0) sys(SYS_close, (word)from, 0, 0, 0);
    if (to >= 0) sys(SYS_close, (word)to, 0, 0, 0);
  }
  sys(SYS_ioctl, (word)listener, SECCOMP_IOCTL_NOTIF_SEND, (word)&answer, 0);
}
