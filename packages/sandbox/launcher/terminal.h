/*
 * A terminal for the program: its output and its error output are one pseudo-terminal, which is also its controlling
 * terminal. What is written there is copied to descriptor 1. The program's input stays what it was.
 */
enum { TIOCSPTLCK = 0x40045431, TIOCGPTPEER = 0x5441, TIOCSCTTY = 0x540e, TIOCSWINSZ = 0x5414 };
enum { COPY_BYTES = 16384 };

struct terminal { int main, other; };

/* `size`: COLUMNSxROWS. Returns main = -1 where there are no terminals. */
static struct terminal openTerminal(const char *size) {
  struct terminal none = {-1, -1};
  long main = sys(SYS_openat, (word)AT_FDCWD, (word) "/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC, 0);
  if (main < 0) return none;
  int unlocked = 0;
  unsigned short window[4] = {0, (unsigned short)numberOf(size), 0, 0};
  while (*size && *size != 'x') size++;
  if (*size) window[0] = (unsigned short)numberOf(size + 1);
  sys(SYS_ioctl, (word)main, TIOCSPTLCK, (word)&unlocked, 0);
  sys(SYS_ioctl, (word)main, TIOCSWINSZ, (word)window, 0);
  long other = sys(SYS_ioctl, (word)main, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC, 0);
  if (other < 0) return none;
  return (struct terminal){(int)main, (int)other};
}

/* In the child. */
static void enterTerminal(struct terminal terminal) {
  sys(SYS_setsid, 0, 0, 0, 0);
  sys(SYS_ioctl, (word)terminal.other, TIOCSCTTY, 0, 0);
  sys(SYS_dup3, (word)terminal.other, 1, 0, 0);
  sys(SYS_dup3, (word)terminal.other, 2, 0, 0);
}

/* Returns 0 when there is nothing more to come. */
static int copyOutput(int main) {
  static char bytes[COPY_BYTES];
  long got = sys(SYS_read, (word)main, (word)bytes, COPY_BYTES, 0);
  if (got == -EINTR) return 1;
  if (got <= 0) return 0;
  writeAll(1, bytes, (word)got);
  return 1;
}

/* What the program wrote before it ended. */
static void copyRest(int main) {
  struct pollfd watched[1] = {{main, POLLIN, 0}};
  word now[2] = {0, 0};
  while (sys(SYS_ppoll, (word)watched, 1, (word)now, 0) > 0 && (watched[0].revents & POLLIN) && copyOutput(main)) {
    now[0] = now[1] = 0;
  }
}
