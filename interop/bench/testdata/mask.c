// The limit for masking: a loop that the C compiler turns into vectors.
// mask OFFSET SIZE CALLS prints the processor's nanoseconds for all calls.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

__attribute__((noinline)) static void mask(uint8_t *p, size_t n, uint32_t key) {
	size_t i = 0;
	for (; i + 4 <= n; i += 4) {
		uint32_t w;
		memcpy(&w, p + i, 4);
		w ^= key;
		memcpy(p + i, &w, 4);
	}
	for (; i < n; i++, key >>= 8)
		p[i] ^= (uint8_t)key;
}

static long long now(void) {
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv) {
	if (argc != 4)
		return 2;
	size_t offset = strtoull(argv[1], 0, 10), size = strtoull(argv[2], 0, 10);
	long long calls = atoll(argv[3]);

	// The same payloads in turn as in newPayloads of masks.go.
	size_t stride = (offset + size + 63) / 64 * 64, different = 16;
	while (different > 1 && different * stride > 16 << 10)
		different /= 2;
	uint8_t *all = aligned_alloc(64, different * stride), *p[16];
	memset(all, 0, different * stride);
	for (size_t i = 0; i < 16; i++)
		p[i] = all + i % different * stride + offset;

	// A key that the compiler knew would become part of the loop.
	volatile uint32_t drawn = 0x3d21fa37;
	uint32_t key = drawn;

	mask(p[0], size, key);
	long long begun = now();
	for (long long i = 0; i < calls; i++) {
		mask(p[i % 16], size, key);
		__asm__ volatile("" ::: "memory");
	}
	printf("%lld\n", now() - begun);
	return 0;
}
