/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_open.c - what reaches bob from the network. The first octet chooses: 0, session-key packet
 * (two octets of length before it) and blob; 1, what stands inside the encryption of a blob; 2, an
 * encrypted record; 3, a signature of alice's text. Whatever comes, only what alice signed comes
 * out as hers. */
#include "base/file.h"
#include "fuzz_keys.h"
#include "pgp/packet.h"
#include "pgp/pgp.h"

#include <rnp/rnp.h>
#include <rnp/rnp_err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct pgp_pub alice = {alice_public, sizeof alice_public};
static struct pgp *bob;
static rnp_ffi_t ffi;
static rnp_key_handle_t bob_key;
static int blob_fd, out_fd;

static void must(bool good)
{
    if (!good)
        abort();
}

static void start(void)
{
    rnp_input_t in = NULL;
    if (bob != NULL)
        return;
    must(pgp_new(&bob, NULL) == 0);
    must(pgp_load_secret(bob, bob_secret, sizeof bob_secret, NULL) == 0);
    must(rnp_ffi_create(&ffi, "GPG", "GPG") == RNP_SUCCESS);
    must(rnp_input_from_memory(&in, bob_public, sizeof bob_public, false) == RNP_SUCCESS);
    must(rnp_import_keys(ffi, in, RNP_LOAD_SAVE_PUBLIC_KEYS, NULL) == RNP_SUCCESS);
    must(rnp_locate_key(ffi, "userid", "<bob@demo>", &bob_key) == RNP_SUCCESS);
    rnp_input_destroy(in);
    blob_fd = memfd_create("blob", MFD_CLOEXEC);
    out_fd = memfd_create("out", MFD_CLOEXEC);
    must(blob_fd >= 0 && out_fd >= 0);
}

static void open_blob(const uint8_t *pkesk, size_t pkesk_len, const uint8_t *blob, size_t n)
{
    static char text[MAX + 1];
    struct pgp_unseal u = {.pkesk = pkesk,
                           .pkesk_len = pkesk_len,
                           .blob_fd = blob_fd,
                           .out_fd = out_fd,
                           .max_size = MAX,
                           .from = alice};
    must(ftruncate(blob_fd, 0) == 0 && pwrite_all(blob_fd, blob, n, 0, NULL) == 0);
    must(lseek(blob_fd, 0, SEEK_SET) == 0);
    must(ftruncate(out_fd, 0) == 0 && lseek(out_fd, 0, SEEK_SET) == 0);
    if (pgp_unseal(bob, &u, NULL) < 0) {
        must(lseek(out_fd, 0, SEEK_END) <= MAX);
        return;
    }
    must(pread(out_fd, text, sizeof text, 0) == (ssize_t)u.size);
    must(u.size == strlen(ALICE_TEXT) && memcmp(text, ALICE_TEXT, u.size) == 0);
}

static void open_inner(const uint8_t *packets, size_t n)
{
    rnp_input_t in = NULL;
    rnp_output_t out = NULL;
    rnp_op_encrypt_t op = NULL;
    struct packet_header h;
    uint8_t *all = NULL;
    size_t len = 0;
    if (n == 0)
        return;
    must(rnp_input_from_memory(&in, packets, n, false) == RNP_SUCCESS);
    must(rnp_output_to_memory(&out, 0) == RNP_SUCCESS);
    must(rnp_op_encrypt_create(&op, ffi, in, out) == RNP_SUCCESS);
    must(rnp_op_encrypt_add_recipient(op, bob_key) == RNP_SUCCESS);
    must(rnp_op_encrypt_set_flags(op, RNP_ENCRYPT_NOWRAP) == RNP_SUCCESS);
    if (rnp_op_encrypt_execute(op) == RNP_SUCCESS &&
        rnp_output_memory_get_buf(out, &all, &len, false) == RNP_SUCCESS &&
        packet_whole(all, len, &h) == 0) {
        size_t pkesk_len = h.header_len + h.body_len;
        open_blob(all, pkesk_len, all + pkesk_len, len - pkesk_len);
    }
    rnp_op_encrypt_destroy(op);
    rnp_output_destroy(out);
    rnp_input_destroy(in);
}

static void open_record(const uint8_t *data, size_t size)
{
    struct buf plain = BUF_INIT(MAX);
    if (pgp_decrypt(bob, data, size, &plain, NULL) < 0)
        must(plain.len == 0);
    must(plain.len <= MAX);
    buf_free(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t pkesk_len;
    start();
    if (size < 3)
        return 0;
    switch (data[0]) {
    case 0:
        pkesk_len = (size_t)data[1] << 8 | data[2];
        if (pkesk_len <= size - 3)
            open_blob(data + 3, pkesk_len, data + 3 + pkesk_len, size - 3 - pkesk_len);
        break;
    case 1:
        open_inner(data + 1, size - 1);
        break;
    case 2:
        open_record(data + 1, size - 1);
        break;
    default:
        must(pgp_verify(&alice, "other", 5, data + 1, size - 1, NULL) < 0);
        (void)pgp_verify(&alice, ALICE_TEXT, strlen(ALICE_TEXT), data + 1, size - 1, NULL);
    }
    return 0;
}
