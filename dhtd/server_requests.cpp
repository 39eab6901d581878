/* SPDX-License-Identifier: GPL-3.0-or-later */
/* server_requests.cpp - what is asked over the socket, handed to the engine, and its answers (P-8.4
 * to P-8.14). */
#include "server_private.h"
#include <algorithm>

namespace
{

uint64_t id_from(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 0; i < ENTRY_ID_LEN; i++)
        v = v << 8 | p[i];
    return v;
}

void id_to(uint64_t id, uint8_t *p)
{
    for (int i = ENTRY_ID_LEN - 1; i >= 0; i--, id >>= 8)
        p[i] = (uint8_t)id;
}

template <class T> T array_from(const uint8_t *p)
{
    T a;
    std::copy_n(p, a.size(), a.begin());
    return a;
}

void fill_value(dht_frame &f, uint64_t id, const policy::Record &r)
{
    id_to(id, f.id);
    std::copy(r.lock.begin(), r.lock.end(), f.lock);
    f.expiry = r.expiry;
    f.value = {r.value, r.value_len};
}

} // namespace

void Server::request(const Sp &c, const dht_frame &f)
{
    if (f.verb > FRAME_DROP) {
        drop(c, "it sent an answer");
        return;
    }
    c->under_way++;
    requests_[c->uid]++;
    uint32_t request = f.request;
    switch (f.verb) {
    case FRAME_PUT:
    case FRAME_ADD:
        request_put(c, f);
        break;
    case FRAME_DEL:
    case FRAME_DROP:
        engine_.del(f.key, array_from<policy::Hash>(f.value_hash),
                    array_from<policy::Hash>(f.token), f.verb == FRAME_DROP, done(c, request));
        break;
    case FRAME_LIST:
        request_list(c, f);
        break;
    case FRAME_GET:
        request_get(c, f);
        break;
    case FRAME_LOOK:
        engine_.look(f.key, id_from(f.id), [this, c, request](bool ok, frame_presence presence) {
            dht_frame a = frame(FRAME_PRESENCE, request);
            a.ok = ok;
            a.presence = presence;
            finished(c);
            answer(c, a);
        });
        break;
    case FRAME_LISTEN:
        request_listen(c, f);
        break;
    case FRAME_WARM:
        engine_.warm(f.key);
        done(c, request)(true, "");
        break;
    default: {
        dht_frame a = frame(FRAME_STATE, request);
        a.state = engine_.state();
        finished(c);
        answer(c, a);
    }
    }
}

void Server::request_put(const Sp &c, const dht_frame &f)
{
    policy::Blob value(f.value.p, f.value.p + f.value.n);
    engine_.put(f.key, value, f.expiry, array_from<policy::Hash>(f.lock), f.verb == FRAME_ADD,
                done(c, f.request));
}

void Server::request_list(const Sp &c, const dht_frame &f)
{
    uint32_t request = f.request;
    engine_.list(f.key, [this, c, request](bool ok, const std::vector<uint64_t> &ids) {
        std::vector<uint8_t> octets(ids.size() * ENTRY_ID_LEN);
        for (size_t i = 0; i < ids.size(); i++)
            id_to(ids[i], &octets[i * ENTRY_ID_LEN]);
        finished(c);
        size_t at = 0;
        do {
            size_t n = std::min<size_t>(octets.size() - at, FRAME_IDS_MAX * ENTRY_ID_LEN);
            dht_frame a = frame(FRAME_IDS, request);
            a.ok = ok;
            a.ids = {octets.data() + at, n};
            at += n;
            a.more = at < octets.size();
            answer(c, a);
        } while (at < octets.size());
    });
}

void Server::request_get(const Sp &c, const dht_frame &f)
{
    uint32_t request = f.request;
    std::vector<uint64_t> ids;
    for (size_t i = 0; i < f.ids.n; i += ENTRY_ID_LEN)
        ids.push_back(id_from(f.ids.p + i));
    engine_.get(
        f.key, std::move(ids),
        [c] {
            return !c->alive                         ? Engine::Pace::Stop
                   : c->out.len - c->sent < OUT_SLOW ? Engine::Pace::Go
                                                     : Engine::Pace::Wait;
        },
        [this, c, request](uint64_t id, const policy::Record &r) {
            dht_frame a = frame(FRAME_VALUE, request);
            fill_value(a, id, r);
            answer(c, a);
        },
        done(c, request));
}

void Server::request_listen(const Sp &c, const dht_frame &f)
{
    uint32_t request = f.request;
    uint64_t ticket = 0;
    if (listens_[c->uid] < LISTENS_PER_UID)
        ticket = engine_.listen(f.key, [this, c, request](uint64_t id, const policy::Record &r) {
            dht_frame a = frame(FRAME_HEARD, request);
            fill_value(a, id, r);
            answer(c, a);
        });
    if (ticket != 0) {
        listens_[c->uid]++;
        c->tickets.push_back(ticket);
    }
    done(c, request)(ticket != 0, ticket != 0 ? "" : "too many keys are listened to");
}

Engine::Done Server::done(const Sp &c, uint32_t request)
{
    return [this, c, request](bool ok, const std::string &why) {
        dht_frame a = frame(FRAME_DONE, request);
        a.ok = ok;
        if (!ok)
            snprintf(a.why, sizeof a.why, "%s", why.c_str());
        finished(c);
        answer(c, a);
    };
}

void Server::finished(const Sp &c)
{
    c->under_way--;
    if (--requests_[c->uid] == 0)
        requests_.erase(c->uid);
}
