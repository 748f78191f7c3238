/*
 * What decoding could reach without WebAssembly: the loops of the kernels, as a C compiler makes them with vectors of 256 bits (AVX2), against a
 * loop that only reads, on the same memory: along one stream and along four, and with prefetching, an instruction that WebAssembly has not. By
 * turns with pages of 4 KiB and of 2 MiB.
 *
 *   gcc -O3 -march=native -pthread decode.c -o decode && ./decode
 *
 * Prints gigabytes of weights per second: medians of nine.
 */
#define _GNU_SOURCE
#include <immintrin.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

enum { COLUMNS = 2048, BLOCKS = COLUMNS / 32, SCALES = 32, UNITS = 16, MOST_STREAMS = 4, AHEAD = 2048, TIMES = 9, MOST_THREADS = 2 };
static const size_t BYTES = 400u << 20, HUGE_PAGE = 2u << 20;

static int8_t codes[COLUMNS] __attribute__((aligned(64)));
static float scales[BLOCKS];

static inline __m256i load(const uint8_t *w) { return _mm256_loadu_si256((const __m256i *)w); }

static inline void prefetch(const uint8_t *w, int bytes) {
  for (int line = 0; line < bytes; line += 64) _mm_prefetch((const char *)w + AHEAD + line, _MM_HINT_T0);
}

/* Sums of a turn of a unit (a panel, or a packed row), added to those of its turns before. */
typedef void turn(const uint8_t *w, int n, __m256i sums[2]);

static inline void read_turn(const uint8_t *w, int n, __m256i sums[2]) {
  for (int i = 0; i < 512; i += 64) {
    sums[0] = _mm256_xor_si256(sums[0], load(w + i));
    sums[1] = _mm256_xor_si256(sums[1], load(w + i + 32));
  }
  (void)n;
}

static inline void scaled(const uint8_t *w, int n, __m256i sum, __m256i *rows) {
  const __m256i halves = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)w));
  const __m256 scale = _mm256_mul_ps(_mm256_castsi256_ps(_mm256_slli_epi32(halves, 16)), _mm256_set1_ps(scales[n]));
  *rows = _mm256_castps_si256(_mm256_add_ps(_mm256_castsi256_ps(*rows), _mm256_mul_ps(_mm256_cvtepi32_ps(sum), scale)));
}

/* sumToken of src/backends/wasm/assembly/block-rows.ts */
static inline void q8_turn(const uint8_t *w, int n, __m256i sums[2]) {
  const __m256i pairs = _mm256_set1_epi16(1);
  __m256i sum[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
  for (int i = 0; i < 8; i++) {
    const __m256i x = _mm256_set1_epi32(((const int32_t *)codes)[8 * n + i]);
    for (int half = 0; half < 2; half++)
      sum[half] = _mm256_add_epi32(sum[half], _mm256_madd_epi16(_mm256_maddubs_epi16(load(w + SCALES + 64 * i + 32 * half), x), pairs));
  }
  for (int half = 0; half < 2; half++) scaled(w + 16 * half, n, sum[half], sums + half);
}

/* the same of packed codes: two blocks to a turn */
static inline void q4_turn(const uint8_t *w, int n, __m256i sums[2]) {
  const __m256i pairs = _mm256_set1_epi16(1), fifteens = _mm256_set1_epi8(15);
  for (int b = 2 * n; b < 2 * n + 2; b++, w += SCALES + 256) {
    __m256i sum[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    for (int i = 0; i < 4; i++) {
      const __m256i x = _mm256_set1_epi32(((const int32_t *)codes)[8 * b + 2 * i]);
      const __m256i y = _mm256_set1_epi32(((const int32_t *)codes)[8 * b + 2 * i + 1]);
      for (int half = 0; half < 2; half++) {
        const __m256i u = load(w + SCALES + 64 * i + 32 * half);
        sum[half] = _mm256_add_epi16(sum[half], _mm256_maddubs_epi16(_mm256_and_si256(u, fifteens), x));
        sum[half] = _mm256_add_epi16(sum[half], _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(u, 4), fifteens), y));
      }
    }
    for (int half = 0; half < 2; half++) scaled(w + 16 * half, b, _mm256_madd_epi16(sum[half], pairs), sums + half);
  }
}

/* packedRows of src/backends/wasm/assembly/linear-ternary.ts */
static inline void ternary_turn(const uint8_t *w, int n, __m256i sums[2]) {
  const __m256i ones = _mm256_set1_epi8(3), fours = _mm256_set1_epi8(12), pairs = _mm256_set1_epi16(1);
  __m256i s[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256()};
  for (int k = 0; k < 512; k += 32) {
    const __m256i x = load((const uint8_t *)codes + 512 * n + k), u = load(w + k), upper = _mm256_srli_epi16(u, 4);
    s[0] = _mm256_add_epi16(s[0], _mm256_maddubs_epi16(_mm256_and_si256(u, ones), x));
    s[1] = _mm256_add_epi16(s[1], _mm256_maddubs_epi16(_mm256_and_si256(u, fours), x));
    s[2] = _mm256_add_epi16(s[2], _mm256_maddubs_epi16(_mm256_and_si256(upper, ones), x));
    s[3] = _mm256_add_epi16(s[3], _mm256_maddubs_epi16(_mm256_and_si256(upper, fours), x));
  }
  for (int i = 0; i < 4; i++) sums[i & 1] = _mm256_add_epi32(sums[i & 1], _mm256_madd_epi16(s[i], pairs));
}

/* Units of `turns` turns of `bytes` bytes, sixteen of them at a time, in `streams` streams. */
static inline __attribute__((always_inline)) int64_t all_units(turn *run, const uint8_t *w, size_t size, int turns, int bytes, int streams, int ahead) {
  int64_t some = 0;
  const size_t unit = (size_t)turns * bytes, apart = UNITS / streams * unit;
  for (const uint8_t *piece = w; piece + UNITS * unit <= w + size; piece += UNITS * unit) {
    for (const uint8_t *first = piece; first < piece + apart; first += unit) {
      __m256i sums[MOST_STREAMS][2] = {{_mm256_setzero_si256()}};
      for (int n = 0; n < turns; n++) {
        for (int i = 0; i < streams; i++) {
          const uint8_t *at = first + i * apart + (size_t)n * bytes;
          if (ahead) prefetch(at, bytes);
          run(at, n, sums[i]);
        }
      }
      for (int i = 0; i < streams; i++) some ^= _mm256_extract_epi64(_mm256_xor_si256(sums[i][0], sums[i][1]), 0);
    }
  }
  return some;
}

typedef int64_t loop(const uint8_t *w, size_t size);
#define LOOPS(name, turns, bytes) \
  static int64_t name##_1(const uint8_t *w, size_t size) { return all_units(name##_turn, w, size, turns, bytes, 1, 0); } \
  static int64_t name##_ahead(const uint8_t *w, size_t size) { return all_units(name##_turn, w, size, turns, bytes, 1, 1); } \
  static int64_t name##_4(const uint8_t *w, size_t size) { return all_units(name##_turn, w, size, turns, bytes, 4, 0); }
LOOPS(read, BLOCKS, 512)
LOOPS(q8, BLOCKS, SCALES + 512)
LOOPS(q4, BLOCKS / 2, 2 * (SCALES + 256))
LOOPS(ternary, COLUMNS / 512, 512)

static const struct {
  const char *name;
  loop *one, *ahead, *four;
} KINDS[] = {{"read", read_1, read_ahead, read_4}, {"q8", q8_1, q8_ahead, q8_4}, {"q4", q4_1, q4_ahead, q4_4}, {"ternary", ternary_1, ternary_ahead, ternary_4}};

static struct {
  loop *run;
  const uint8_t *memory;
  size_t bytes;
} task;
static volatile int64_t result;

static void *part(void *index) {
  result += task.run(task.memory + (size_t)index * task.bytes, task.bytes);
  return NULL;
}

static int compare(const void *a, const void *b) { return (*(double *)a > *(double *)b) - (*(double *)a < *(double *)b); }

static double gigabytes_per_second(loop *run, const uint8_t *memory, int threads) {
  task.run = run;
  task.memory = memory;
  task.bytes = BYTES / threads;
  double seconds[TIMES];
  for (int i = 0; i < TIMES; i++) {
    struct timespec begin, end;
    pthread_t ids[MOST_THREADS];
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (size_t t = 0; t < (size_t)threads; t++) pthread_create(ids + t, NULL, part, (void *)t);
    for (int t = 0; t < threads; t++) pthread_join(ids[t], NULL);
    clock_gettime(CLOCK_MONOTONIC, &end);
    seconds[i] = end.tv_sec - begin.tv_sec + (end.tv_nsec - begin.tv_nsec) * 1e-9;
  }
  qsort(seconds, TIMES, sizeof *seconds, compare);
  return BYTES / seconds[TIMES / 2] / 1e9;
}

int main(void) {
  for (int i = 0; i < COLUMNS; i++) codes[i] = i * 37 % 255 - 127;
  for (int i = 0; i < BLOCKS; i++) scales[i] = 1;
  puts("pages  threads  weights  one stream  prefetching  four streams");
  for (int huge = 0; huge < 2; huge++) {
    const size_t size = BYTES + 2 * HUGE_PAGE; /* prefetching goes beyond the end */
    uint8_t *memory = aligned_alloc(HUGE_PAGE, size);
    if (!memory || madvise(memory, size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) != 0) return perror("memory"), 1;
    /* As scales, these bytes are numbers of ordinary size: others would cost the processor time. */
    for (size_t i = 0; i < size; i++) memory[i] = 0x30 | (i * 2654435761u >> 13 & 15);
    for (int threads = 1; threads <= MOST_THREADS; threads++) {
      for (size_t k = 0; k < sizeof KINDS / sizeof *KINDS; k++) {
        const double one = gigabytes_per_second(KINDS[k].one, memory, threads), ahead = gigabytes_per_second(KINDS[k].ahead, memory, threads);
        const double four = gigabytes_per_second(KINDS[k].four, memory, threads);
        printf("%s  %d        %-7s  %10.1f  %11.1f  %12.1f\n", huge ? "2 MiB" : "4 KiB", threads, KINDS[k].name, one, ahead, four);
      }
    }
    free(memory);
  }
  return 0;
}
