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
	uint8_t *p = aligned_alloc(64, (size + offset + 127) / 64 * 64);
	memset(p, 0, size + offset);
	mask(p + offset, size, 0x3d21fa37);
	long long begun = now();
	for (long long i = 0; i < calls; i++) {
		mask(p + offset, size, 0x3d21fa37);
		__asm__ volatile("" ::: "memory");
	}
	printf("%lld\n", now() - begun);
	return 0;
}
