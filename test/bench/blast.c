/*
 * Sends TCP SYNs to 192.0.2.0/24 out of an interface, as fast as asked for: blast INTERFACE DESTINATION-MAC PACKETS RATE
 * Prints the packets sent and the milliseconds they took. For the bench alone; it runs in a network namespace with no way out.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 256, FRAME = 60 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  int fd = socket(AF_PACKET, SOCK_RAW, 0);
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(argv[1])};
  int on = 1;
  setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);
  if (fd < 0 || to.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&to, sizeof to) < 0) return perror("blast"), 1;
  static unsigned char frames[BATCH][FRAME];
  static struct iovec parts[BATCH];
  static struct mmsghdr messages[BATCH];
  for (int i = 0; i < BATCH; i++) {
    unsigned char *f = frames[i];
    sscanf(argv[2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", f, f + 1, f + 2, f + 3, f + 4, f + 5);
    memcpy(f + 6, "\x02\0\0\0\0\x02\x08\0\x45\0\0\x28", 12);
    memcpy(f + 22, "\x40\x06\0\0\x0a\xff\xff\x01\xc0\0\x02", 11); /* from 10.255.255.1 */
    f[33] = i;
    f[46] = 0x50, f[47] = 0x02, f[48] = 4; /* SYN, window 1024 */
    parts[i] = (struct iovec){f, FRAME};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  long packets = atol(argv[3]), sent = 0;
  double rate = atof(argv[4]), start = now();
  unsigned n = 0;
  while (sent < packets) {
    while (sent > (now() - start) * rate) {}
    int want = packets - sent < BATCH ? packets - sent : BATCH;
    for (int i = 0; i < want; i++, n++) {
      frames[i][28] = 10 + (n >> 16) % 100, frames[i][27] = n >> 8, frames[i][26] = 1 + n % 223; /* sources */
      frames[i][36] = n >> 6, frames[i][37] = n;                                                  /* ports */
      memcpy(frames[i] + 38, &n, 4);
    }
    int done = sendmmsg(fd, messages, want, 0);
    if (done > 0) sent += done;
  }
  printf("%ld %.0f\n", sent, (now() - start) * 1e3);
}
