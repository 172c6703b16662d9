#include "base/inbox.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "base/prefetch.h"

namespace capture::base {
namespace {

/// How much of a coroutine's frame, behind its place, and of the object it needs is called for.
constexpr std::size_t kFrame = 192;
constexpr std::size_t kNeeded = 384;

/// So many go on in a row; then it is the turn of what else the loop has, above all of requests
/// that have come meanwhile. Hundreds are acknowledged at once, and answers cost a system call.
constexpr std::size_t kTurn = 16;

}  // namespace

Inbox::~Inbox() {
    collect();
    while (oldest_)
        std::exchange(oldest_, oldest_->next)->abandon();
}

void Inbox::put(Node& node) {
    Node* newest = newest_.load(std::memory_order_relaxed);
    do
        node.next = newest;
    while (!newest_.compare_exchange_weak(newest, &node, std::memory_order_release,
                                          std::memory_order_relaxed));
    // Whoever found the list empty posts; a node may be gone as soon as it is linked.
    if (newest) return;
    asio::post(io_, [this] {
        if (!goes_on_) resume_some();
    });
}

/// Those that have come since the last time go behind those that still wait for their turn.
void Inbox::collect() {
    Node* node = newest_.exchange(nullptr, std::memory_order_acquire);
    if (!node) return;
    Node* const last = node;
    Node* first = nullptr;
    while (node) {
        Node* const next = node->next;
        node->next = std::exchange(first, node);
        node = next;
    }
    (oldest_ ? last_->next : oldest_) = first;
    last_ = last;
}

void Inbox::resume_some() {
    /// In any case, also when a coroutine lets an exception escape.
    struct GoOn {
        Inbox& inbox;
        ~GoOn() {
            inbox.goes_on_ = inbox.oldest_ != nullptr;
            if (inbox.goes_on_) asio::post(inbox.io_, [&self = inbox] { self.resume_some(); });
        }
    } const go_on{*this};
    collect();
    for (std::size_t left = kTurn; oldest_ && left > 0; --left) {
        if (const Node* const next = oldest_->next; next && next->next) {
            prefetch(next->next + 1, kFrame);
            prefetch(next->next->needed, kNeeded);
        }
        std::exchange(oldest_, oldest_->next)->resume();
    }
}

}  // namespace capture::base
