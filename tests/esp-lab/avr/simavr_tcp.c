// Runs an AVR firmware in simavr, timers included and no faster than the real chip, with UART 0 bridged to a TCP server.
//   simavr_tcp MCU FIRMWARE HOST PORT
// What the firmware writes to GPIOR1 is printed. It ends when the firmware sleeps for ever, with the status that is in GPIOR0,
// or with 1 when the server closes the connection; the last line is how many bytes deep the stack was.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "avr_uart.h"
#include "sim_avr.h"
#include "sim_elf.h"

enum {
  CLOCK_HZ = 16000000,
  // The data addresses of GPIOR0 and GPIOR1, the same for ATmega328P and ATmega2560.
  STATUS = 0x3E,
  LOG = 0x4A,
  // How many cycles there are between two looks at the network: less than a byte takes on the wire.
  CYCLES_PER_LOOK = 512,
  // How far ahead of the real chip the simulated one may be, and how often that is looked at.
  AHEAD_MS = 2,
  CYCLES_PER_PACE = CLOCK_HZ / 1000 * AHEAD_MS,
};

static int server, room = 1, closed;
static unsigned char received[64];
static ssize_t have, taken;

static void sent(struct avr_irq_t *irq, uint32_t value, void *unused) {
  unsigned char byte = (unsigned char)value;
  if (send(server, &byte, 1, MSG_NOSIGNAL) != 1) closed = 1;
}

static void has_room(struct avr_irq_t *irq, uint32_t value, void *unused) { room = 1; }
static void has_no_room(struct avr_irq_t *irq, uint32_t value, void *unused) { room = 0; }

static void logged(avr_t *avr, avr_io_addr_t address, uint8_t byte, void *unused) {
  putchar(byte);
  if (byte == '\n') fflush(stdout);
}

// A chip that sleeps costs nothing: its time passes at once, and keep_pace() waits.
static void slept(avr_t *avr, avr_cycle_count_t cycles) {}

static void complain(avr_t *avr, const int level, const char *format, va_list arguments) {
  if (level <= LOG_ERROR) vfprintf(stderr, format, arguments);
}

static int connect_to(const char *host, const char *port) {
  int on = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
  server = socket(AF_INET, SOCK_STREAM, 0);
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) return fprintf(stderr, "%s: no address\n", host), -1;
  if (connect(server, (struct sockaddr *)&address, sizeof address)) return perror("connect"), -1;
  setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return 0;
}

static void bridge(avr_t *avr) {
  uint32_t flags = 0;
  avr_ioctl(avr, AVR_IOCTL_UART_GET_FLAGS('0'), &flags);
  flags &= ~(uint32_t)(AVR_UART_FLAG_STDIO | AVR_UART_FLAG_POLL_SLEEP);
  avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
  avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), sent, NULL);
  avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XON), has_room, NULL);
  avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XOFF), has_no_room, NULL);
}

static void receive(avr_irq_t *input) {
  if (taken == have) {
    have = recv(server, received, sizeof received, MSG_DONTWAIT);
    taken = 0;
    if (have == 0 || (have < 0 && errno != EAGAIN && errno != EINTR)) closed = 1;
    if (have < 0) have = 0;
  }
  if (taken < have && room) avr_raise_irq(input, received[taken++]);
}

// Waits until the real chip would be here as well, or something comes for it.
static void keep_pace(const avr_t *avr, const struct timespec *start) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  long long real = (now.tv_sec - start->tv_sec) * 1000LL + (now.tv_nsec - start->tv_nsec) / 1000000;
  long long ahead = (long long)(avr->cycle / (CLOCK_HZ / 1000)) - real;
  struct pollfd wire = {.fd = server, .events = POLLIN};
  if (ahead > AHEAD_MS) poll(&wire, taken == have && !closed, (int)ahead);
}

int main(int count, char **words) {
  if (count != 5) return fprintf(stderr, "usage: simavr_tcp MCU FIRMWARE HOST PORT\n"), 2;
  avr_global_logger_set(complain);
  elf_firmware_t firmware = {0};
  if (elf_read_firmware(words[2], &firmware)) return 2;
  avr_t *avr = avr_make_mcu_by_name(words[1]);
  if (!avr || connect_to(words[3], words[4])) return 2;
  avr_init(avr);
  firmware.frequency = CLOCK_HZ;
  avr_load_firmware(avr, &firmware);
  avr->sleep = slept;
  avr_register_io_write(avr, LOG, logged, NULL);
  bridge(avr);
  avr_irq_t *input = avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);

  struct timespec start;
  clock_gettime(CLOCK_MONOTONIC, &start);
  unsigned deepest = avr->ramend;
  int status = -1;
  avr_cycle_count_t look = 0, pace = 0;
  while (status < 0) {
    int state = avr_run(avr);
    unsigned stack = avr->data[R_SPL] | (unsigned)avr->data[R_SPH] << 8;
    // It is nowhere before the startup code has set it, and half set in between.
    if (stack > avr->ramend / 2 && stack < deepest) deepest = stack;
    if (state == cpu_Done) status = avr->data[STATUS];
    if (state == cpu_Crashed) status = 3;
    if (avr->cycle < look) continue;
    look = avr->cycle + CYCLES_PER_LOOK;
    receive(input);
    if (closed && taken == have && status < 0) status = 1;
    if (avr->cycle < pace) continue;
    pace = avr->cycle + CYCLES_PER_PACE;
    keep_pace(avr, &start);
  }
  printf("stack %u\n", avr->ramend - deepest);
  return status;
}
