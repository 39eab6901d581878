/* SPDX-License-Identifier: GPL-3.0-or-later */
/* paging.h - long lists of ids in several datagrams (P-9.14).
 *
 * The engine answers who asks for the ids under a key in one datagram, which cannot be larger than
 * 64 KiB: above some thousand values the node would seem not to answer at all. Such an answer is
 * split where it leaves, and put together where it comes in; the engine sees the last page only. */
#ifndef RESTANTE_DHTD_PAGING_H
#define RESTANTE_DHTD_PAGING_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace paging
{

constexpr size_t PAGE_IDS = 400; /* about 4 KB */
constexpr size_t PAGES_MAX = 1024;

/* The pages of a reply that holds more ids than one page; nothing when it may leave as it is. */
std::vector<std::vector<uint8_t>> split(const uint8_t *p, size_t n);

} // namespace paging

#endif
