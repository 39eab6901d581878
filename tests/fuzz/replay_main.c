/* SPDX-License-Identifier: GPL-3.0-or-later */
/* replay_main.c - stands in for libFuzzer in the ordinary test suite: runs a fuzz target over the
 * files and folders given, over each file's beginnings, and over the same random changes of them
 * every time. Fails when there was no file at all. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX (8u << 20)
#define CHANGES 300     /* changed copies per file */
#define WORK (4u << 20) /* octets of changed copies per file, at most */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned files;
static uint64_t seed;

static uint32_t random_below(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

/* The target gets a copy of exactly this size, so that a sanitizer sees a read behind it. */
static void run(const uint8_t *p, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);
    if (!copy)
        abort();
    memcpy(copy, p, n);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

/* One to four octets flipped, set, or (sometimes) everything behind a place cut off. */
static void run_changed(uint8_t *p, size_t n)
{
    uint8_t *copy = malloc(n);
    if (!copy)
        abort();
    memcpy(copy, p, n);
    for (uint32_t i = random_below(4) + 1; i > 0; i--) {
        uint8_t *at = copy + random_below((uint32_t)n);
        uint32_t to = random_below(2) ? *at ^ 1u << random_below(8) : random_below(256);
        *at = (uint8_t)to;
    }
    run(copy, random_below(4) ? n : random_below((uint32_t)n));
    free(copy);
}

static void run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *p = malloc(INPUT_MAX);
    if (!f || !p) {
        perror(path);
        exit(1);
    }
    size_t n = fread(p, 1, INPUT_MAX, f);
    fclose(f);
    run(p, n);
    seed = n;
    size_t work = 0;
    for (unsigned i = 0; n > 0 && i < CHANGES && work < WORK; i++, work += n)
        run_changed(p, n);
    free(p);
    files++;
}

static void run_path(const char *path)
{
    struct stat st;
    struct dirent **names;
    if (stat(path, &st) != 0) {
        perror(path);
        exit(1);
    }
    if (!S_ISDIR(st.st_mode)) {
        run_file(path);
        return;
    }
    int n = scandir(path, &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char inside[4096];
        snprintf(inside, sizeof inside, "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.')
            run_path(inside);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
}

int main(int argc, char **argv)
{
    run((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++)
        run_path(argv[i]);
    printf("%u files\n", files);
    return files > 0 ? 0 : 1;
}
