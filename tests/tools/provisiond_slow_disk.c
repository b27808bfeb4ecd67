/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond_slow_disk.c: provisiond itself, on a disk whose every sync takes two seconds while the file that SLOW_SYNC
 * names exists (the marks "began" and "ended" of each go to SLOW_SYNC.log, with milliseconds of wall time), and which
 * is read-only while the file that READ_ONLY names exists, as the kernel makes one after an error: what is open stays
 * open, but nothing can be written, made, shortened or removed, and what is opened anew is opened for reading. Runs in:
 * tests/system/test_ledger_faults.py. Owns: an SQLite VFS that is the default one but for that. */
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int provisiond_main(int argc, char **argv);
#define main provisiond_main
#include "supervisor/main.c" // NOLINT(bugprone-suspicious-include): the whole daemon, with another main
#undef main

#define SYNC_TAKES 2 /* seconds */
#define MOST_KINDS 8 /* of files: databases, WALs, journals */

static struct {
    const sqlite3_io_methods *original;
    sqlite3_io_methods slow;
} kinds[MOST_KINDS];
static sqlite3_vfs *disk, slow_disk;

static void mark(const char *when, const char *word)
{
    char path[500];
    struct timespec now;

    snprintf(path, sizeof path, "%s.log", when);
    clock_gettime(CLOCK_REALTIME, &now);
    FILE *file = fopen(path, "ae");
    if (!file)
        return;
    fprintf(file, "%s %lld\n", word, (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    fclose(file);
}

static const sqlite3_io_methods *original_of(const sqlite3_file *file)
{
    int kind = 0;

    while (file->pMethods != &kinds[kind].slow)
        kind++;
    return kinds[kind].original;
}

static bool read_only(void)
{
    const char *when = getenv("READ_ONLY");

    return when && access(when, F_OK) == 0;
}

static int slow_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset)
{
    return read_only() ? SQLITE_IOERR_WRITE : original_of(file)->xWrite(file, bytes, count, offset);
}

static int slow_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return read_only() ? SQLITE_IOERR_TRUNCATE : original_of(file)->xTruncate(file, size);
}

static int slow_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    (void)vfs;
    return read_only() ? SQLITE_IOERR_DELETE : disk->xDelete(disk, name, sync_folder);
}

static int slow_sync(sqlite3_file *file, int flags)
{
    const char *when = getenv("SLOW_SYNC");

    if (when && access(when, F_OK) == 0) {
        mark(when, "began");
        sleep(SYNC_TAKES);
        mark(when, "ended");
    }
    return original_of(file)->xSync(file, flags);
}

static int slow_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *flags_out)
{
    (void)vfs;
    if (read_only())
        flags =
            (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_DELETEONCLOSE)) | SQLITE_OPEN_READONLY;
    int result = disk->xOpen(disk, name, file, flags, flags_out);

    for (int kind = 0; result == SQLITE_OK && file->pMethods && kind < MOST_KINDS; kind++) {
        if (!kinds[kind].original) {
            kinds[kind].original = file->pMethods;
            kinds[kind].slow = *file->pMethods;
            kinds[kind].slow.xSync = slow_sync;
            kinds[kind].slow.xWrite = slow_write;
            kinds[kind].slow.xTruncate = slow_truncate;
        }
        if (kinds[kind].original == file->pMethods) {
            file->pMethods = &kinds[kind].slow;
            break;
        }
    }
    return result;
}

int main(int argc, char **argv)
{
    disk = sqlite3_vfs_find(NULL);
    if (!disk)
        return EXIT_FAILURE;
    slow_disk = *disk;
    slow_disk.zName = "slow";
    slow_disk.xOpen = slow_open;
    slow_disk.xDelete = slow_delete;
    sqlite3_vfs_register(&slow_disk, 1);
    return provisiond_main(argc, argv);
}
