/* floor: the least that a WebSocket server on one thread and epoll can do, as a limit to compare with.
 *
 *   cc -O2 -o floor floor.c && ./floor PORT
 *
 * It receives, unmasks and sends; /echo sends back, any path that begins with /chat sends to everybody there. One send()
 * for each frame, nothing gathered. No limits, no checks, no fragments, no patience with slow readers: deliberately no server.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_MEMBERS = 100000, MAX_EVENTS = 1024, BUFFER = 1 << 18 };

typedef struct {
    int fd, is_open, in_chat, index;            /* index: its place among the members */
    size_t length, capacity;
    uint8_t *kept;                              /* the part of a frame that came so far */
} Client;

static Client *members[MAX_MEMBERS];
static int member_count, epoll_fd;

/* ---- the handshake: SHA-1 and base64 of the key (RFC 6455 section 4.2.2) ---- */
static uint32_t rotate(uint32_t x, int n) { return x << n | x >> (32 - n); }

static void sha1_block(uint32_t h[5], const uint8_t *block) {
    uint32_t w[80];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | block[4 * i + 1] << 16 | block[4 * i + 2] << 8 | block[4 * i + 3];
    for (int i = 16; i < 80; i++) w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 80; i++) {
        uint32_t f, k;
        if (i < 20)      f = (b & c) | (~b & d),          k = 0x5A827999;
        else if (i < 40) f = b ^ c ^ d,                   k = 0x6ED9EBA1;
        else if (i < 60) f = (b & c) | (b & d) | (c & d), k = 0x8F1BBCDC;
        else             f = b ^ c ^ d,                   k = 0xCA62C1D6;
        uint32_t t = rotate(a, 5) + f + e + k + w[i];
        e = d; d = c; c = rotate(b, 30); b = a; a = t;
    }
    h[0] += a; h[1] += b; h[2] += c; h[3] += d; h[4] += e;
}

static void sha1(const uint8_t *data, size_t length, uint8_t digest[20]) {     /* at most 119 bytes */
    uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    uint8_t padded[128] = {0};
    memcpy(padded, data, length);
    padded[length] = 0x80;
    size_t total = length + 9 <= 64 ? 64 : 128;
    for (int i = 0; i < 8; i++) padded[total - 1 - i] = (uint64_t)(length * 8) >> (8 * i);
    for (size_t at = 0; at < total; at += 64) sha1_block(h, padded + at);
    for (int i = 0; i < 20; i++) digest[i] = h[i / 4] >> (24 - 8 * (i % 4));
}

static void base64(const uint8_t *data, int length, char *out) {
    const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int i = 0; i < length; i += 3) {
        uint32_t v = data[i] << 16 | (i + 1 < length ? data[i + 1] << 8 : 0) | (i + 2 < length ? data[i + 2] : 0);
        *out++ = letters[v >> 18];
        *out++ = letters[v >> 12 & 63];
        *out++ = i + 1 < length ? letters[v >> 6 & 63] : '=';
        *out++ = i + 2 < length ? letters[v & 63] : '=';
    }
    *out = 0;
}

/* Answer the upgrade if its head is complete; -> bytes of it, 0 when more must come. */
static size_t shake_hands(Client *c, const uint8_t *in, size_t length) {
    const char *field = "Sec-WebSocket-Key: ";
    uint8_t *end = memmem(in, length, "\r\n\r\n", 4), *key, digest[20];
    char salted[61], accept[40], answer[256];
    if (!end || !(key = memmem(in, end - in, field, strlen(field)))) return 0;
    memcpy(salted, key + strlen(field), 24);
    memcpy(salted + 24, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 37);
    sha1((uint8_t *)salted, 60, digest);
    base64(digest, 20, accept);
    int size = sprintf(answer, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               "Sec-WebSocket-Accept: %s\r\n\r\n", accept);
    send(c->fd, answer, size, MSG_NOSIGNAL);
    c->is_open = 1;
    c->in_chat = memmem(in, end - in, "GET /chat", 9) != NULL;
    if (c->in_chat) {
        c->index = member_count;
        members[member_count++] = c;
    }
    return end + 4 - in;
}

/* ---- frames ---- */
static void send_whole(int fd, const uint8_t *frame, size_t length) {
    for (size_t done = 0; done < length;) {
        ssize_t n = send(fd, frame + done, length - done, MSG_NOSIGNAL);
        if (n >= 0) done += n;
        else if (errno != EAGAIN) return;
    }
}

/* Unmask one frame in place, move its header onto the mask, send it; -> bytes of it, 0: more must come, -1: Close. */
static ssize_t handle_frame(Client *c, uint8_t *p, size_t available) {
    if (available < 6) return 0;
    uint64_t length = p[1] & 127;
    size_t header = 2;
    if (length == 126) {
        length = p[2] << 8 | p[3];
        header = 4;
    } else if (length == 127) {
        if (available < 10) return 0;
        length = 0;
        for (int i = 2; i < 10; i++) length = length << 8 | p[i];
        header = 10;
    }
    if (available < header + 4 + length) return 0;
    uint8_t *mask = p + header, *payload = mask + 4;
    for (size_t i = 0; i < length; i++) payload[i] ^= mask[i & 3];
    if ((p[0] & 15) == 8) return -1;
    memmove(p + 4, p, header);
    uint8_t *frame = p + 4;
    frame[1] &= 127;
    if (c->in_chat)
        for (int i = 0; i < member_count; i++)
            send(members[i]->fd, frame, header + length, MSG_NOSIGNAL | MSG_DONTWAIT);
    else
        send_whole(c->fd, frame, header + length);
    return header + 4 + length;
}

/* ---- clients ---- */
static void forget(Client *c) {
    if (c->in_chat) {
        members[c->index] = members[--member_count];
        members[c->index]->index = c->index;
    }
    close(c->fd);
    free(c->kept);
    free(c);
}

static void keep(Client *c, const uint8_t *rest, size_t length) {
    if (length > c->capacity) {
        c->capacity = length * 2;
        c->kept = realloc(c->kept, c->capacity);
    }
    if (length) memcpy(c->kept, rest, length);
    c->length = length;
}

static void handle_input(Client *c) {
    static uint8_t in[BUFFER];
    size_t length = c->length, at = 0;
    if (length) memcpy(in, c->kept, length);
    ssize_t received = recv(c->fd, in + length, sizeof in - length, 0);
    if (received < 0 && errno == EAGAIN) return;
    if (received <= 0) { forget(c); return; }
    length += received;
    if (!c->is_open) at = shake_hands(c, in, length);
    while (c->is_open) {
        ssize_t used = handle_frame(c, in + at, length - at);
        if (used < 0) { forget(c); return; }
        if (used == 0) break;
        at += used;
    }
    keep(c, in + at, length - at);
}

static void accept_all(int listener) {
    for (int fd, one = 1; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
        Client *c = calloc(1, sizeof *c);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        c->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    }
}

static int listen_on(int port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) {
        perror("floor");
        exit(1);
    }
    return listener;
}

int main(int argc, char **argv) {
    struct epoll_event events[MAX_EVENTS], event = {.events = EPOLLIN, .data.ptr = NULL};
    if (argc != 2) { fprintf(stderr, "usage: floor PORT\n"); return 2; }
    int listener = listen_on(atoi(argv[1]));
    epoll_fd = epoll_create1(0);
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
    puts("ready");
    fflush(stdout);
    for (;;) {
        int count = epoll_wait(epoll_fd, events, MAX_EVENTS, -1);
        for (int i = 0; i < count; i++)
            if (events[i].data.ptr) handle_input(events[i].data.ptr);
            else accept_all(listener);
    }
}
