/*
 * What decoding could reach without WebAssembly: the loops of the kernels for q8 and ternary weights, as a C compiler makes them with vectors of
 * 256 bits (AVX2), against a loop that only reads, on the same memory. By turns with pages of 4 KiB and of 2 MiB, and with and without
 * prefetching, an instruction that WebAssembly has not.
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

enum { COLUMNS = 4096, BLOCK_BYTES = 272, PANEL_BYTES = COLUMNS / 32 * BLOCK_BYTES, TIMES = 9, MOST_THREADS = 2 };
static const size_t BYTES = 400u << 20, HUGE_PAGE = 2u << 20;

static int8_t codes[COLUMNS] __attribute__((aligned(64)));
static float scales[COLUMNS / 32];

typedef int64_t loop(const uint8_t *w, size_t bytes, int ahead);

static int64_t any_of(__m256i x) { return _mm256_extract_epi64(x, 0) ^ _mm256_extract_epi64(x, 2); }

static int64_t read_only(const uint8_t *w, size_t bytes, int ahead) {
  __m256i a = _mm256_setzero_si256(), b = a;
  for (size_t i = 0; i + 64 <= bytes; i += 64) {
    a = _mm256_xor_si256(a, _mm256_loadu_si256((const __m256i *)(w + i)));
    b = _mm256_xor_si256(b, _mm256_loadu_si256((const __m256i *)(w + i + 32)));
  }
  return any_of(_mm256_xor_si256(a, b)) + ahead;
}

/* packedRow of src/backends/wasm/assembly/linear-ternary.ts */
static int64_t ternary(const uint8_t *w, size_t bytes, int ahead) {
  const __m256i ones = _mm256_set1_epi8(3), fours = _mm256_set1_epi8(12), pairs = _mm256_set1_epi16(1);
  int64_t some = 0;
  for (const uint8_t *end = w + bytes / COLUMNS * COLUMNS; w < end; w += COLUMNS) {
    __m256i total = _mm256_setzero_si256();
    for (int k = 0; k < COLUMNS;) {
      __m256i s[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256()};
      for (int stop = k + 480 < COLUMNS ? k + 480 : COLUMNS; k < stop; k += 32) {
        if (ahead && !(k & 32)) _mm_prefetch((const char *)w + k + ahead, _MM_HINT_T0);
        const __m256i x = _mm256_load_si256((const __m256i *)(codes + k));
        const __m256i u = _mm256_loadu_si256((const __m256i *)(w + k)), upper = _mm256_srli_epi16(u, 4);
        s[0] = _mm256_add_epi16(s[0], _mm256_maddubs_epi16(_mm256_and_si256(u, ones), x));
        s[1] = _mm256_add_epi16(s[1], _mm256_maddubs_epi16(_mm256_and_si256(u, fours), x));
        s[2] = _mm256_add_epi16(s[2], _mm256_maddubs_epi16(_mm256_and_si256(upper, ones), x));
        s[3] = _mm256_add_epi16(s[3], _mm256_maddubs_epi16(_mm256_and_si256(upper, fours), x));
      }
      for (int i = 0; i < 4; i++) total = _mm256_add_epi32(total, _mm256_madd_epi16(s[i], pairs));
    }
    some += any_of(total);
  }
  return some;
}

/* wideToken of src/backends/wasm/assembly/blocks.ts */
static int64_t q8(const uint8_t *w, size_t bytes, int ahead) {
  const __m256i pairs = _mm256_set1_epi16(1);
  int64_t some = 0;
  for (const uint8_t *end = w + bytes / PANEL_BYTES * PANEL_BYTES; w < end;) {
    __m256 rows = _mm256_setzero_ps();
    for (int b = 0; b < COLUMNS / 32; b++, w += BLOCK_BYTES) {
      if (ahead)
        for (int line = 0; line < BLOCK_BYTES; line += 64) _mm_prefetch((const char *)w + ahead + line, _MM_HINT_T0);
      __m256i sum = _mm256_setzero_si256();
      for (int i = 0; i < 8; i++) {
        const __m256i x = _mm256_set1_epi32(((const int32_t *)codes)[8 * b + i]);
        const __m256i u = _mm256_loadu_si256((const __m256i *)(w + 16 + 32 * i));
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(u, x), pairs));
      }
      const __m256i halves = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)w));
      const __m256 scale = _mm256_mul_ps(_mm256_castsi256_ps(_mm256_slli_epi32(halves, 16)), _mm256_set1_ps(scales[b]));
      rows = _mm256_add_ps(rows, _mm256_mul_ps(_mm256_cvtepi32_ps(sum), scale));
    }
    some += any_of(_mm256_castps_si256(rows));
  }
  return some;
}

static struct {
  loop *run;
  const uint8_t *memory;
  size_t bytes;
  int ahead;
} task;
static volatile int64_t result;

static void *part(void *index) {
  result += task.run(task.memory + (size_t)index * task.bytes, task.bytes, task.ahead);
  return NULL;
}

static int compare(const void *a, const void *b) { return (*(double *)a > *(double *)b) - (*(double *)a < *(double *)b); }

static double gigabytes_per_second(loop *run, const uint8_t *memory, int threads, int ahead) {
  task.run = run;
  task.memory = memory;
  task.bytes = BYTES / threads / PANEL_BYTES * PANEL_BYTES;
  task.ahead = ahead;
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
  return task.bytes * threads / seconds[TIMES / 2] / 1e9;
}

int main(void) {
  for (int i = 0; i < COLUMNS; i++) codes[i] = i * 37 % 255 - 127;
  for (int i = 0; i < COLUMNS / 32; i++) scales[i] = 1;
  puts("pages  threads   read  q8    prefetching  ternary  prefetching");
  for (int huge = 0; huge < 2; huge++) {
    const size_t size = BYTES + 2 * HUGE_PAGE; /* prefetching goes beyond the end */
    uint8_t *memory = aligned_alloc(HUGE_PAGE, size);
    if (!memory || madvise(memory, size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) != 0) return perror("memory"), 1;
    for (size_t i = 0; i < size; i++) memory[i] = i * 2654435761u >> 13 & 127;
    for (int threads = 1; threads <= MOST_THREADS; threads++) {
      const double reading = gigabytes_per_second(read_only, memory, threads, 0);
      const double plain8 = gigabytes_per_second(q8, memory, threads, 0), ahead8 = gigabytes_per_second(q8, memory, threads, 2048);
      const double plain2 = gigabytes_per_second(ternary, memory, threads, 0), ahead2 = gigabytes_per_second(ternary, memory, threads, 2048);
      printf("%s  %d  %10.1f  %.1f  %4.1f         %.1f     %.1f\n", huge ? "2 MiB" : "4 KiB", threads, reading, plain8, ahead8, plain2, ahead2);
    }
    free(memory);
  }
  return 0;
}
