/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rewrite.h - a checked datagram once more, with some of its members left out or others in their
 * place. */
#ifndef RESTANTE_DHTD_REWRITE_H
#define RESTANTE_DHTD_REWRITE_H

#include "policy.h"
#include <functional>
#include <msgpack.hpp>
#include <string_view>

namespace rewrite
{

using Packer = msgpack::packer<msgpack::sbuffer>;

/* Which members of the map under the name top ("a" or "r") stay. */
using Keep = std::function<bool(std::string_view top, std::string_view name)>;
/* Writes what stands in the place of this member's value, or nothing: false, the value stays. top
 * is empty for the members of the datagram itself. */
using Write = std::function<bool(Packer &pk, std::string_view top, std::string_view name)>;

/* p was packed by our own engine, or passed the packet filter: its names are texts. */
policy::Blob datagram(const policy::Blob &p, const Keep &keep, const Write &write);

} // namespace rewrite

#endif
