#include "base/inbox.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "base/prefetch.h"

namespace capture::base {
namespace {

/// How much of a coroutine's frame, behind its place, and of the object it needs is called for.
constexpr std::size_t kFrame = 192;
constexpr std::size_t kNeeded = 384;

}  // namespace

Inbox::~Inbox() {
    Node* node = newest_.exchange(nullptr, std::memory_order_acquire);
    while (node)
        std::exchange(node, node->next)->abandon();
}

void Inbox::put(Node& node) {
    Node* newest = newest_.load(std::memory_order_relaxed);
    do
        node.next = newest;
    while (!newest_.compare_exchange_weak(newest, &node, std::memory_order_release,
                                          std::memory_order_relaxed));
    // Whoever found the list empty posts; a node may be gone as soon as it is linked.
    if (!newest) post();
}

void Inbox::post() {
    asio::post(io_, [this] { resume_all(); });
}

void Inbox::resume_all() {
    /// Those that are left when a coroutine lets an exception escape go back.
    struct Rest {
        Inbox& inbox;
        Node* oldest = nullptr;
        ~Rest() {
            while (oldest)
                inbox.put(*std::exchange(oldest, oldest->next));
        }
    } rest{*this};
    for (Node* node = newest_.exchange(nullptr, std::memory_order_acquire); node;) {
        Node* const next = node->next;
        node->next = std::exchange(rest.oldest, node);
        node = next;
    }
    while (rest.oldest) {
        if (const Node* const next = rest.oldest->next; next && next->next) {
            prefetch(next->next + 1, kFrame);
            prefetch(next->next->needed, kNeeded);
        }
        std::exchange(rest.oldest, rest.oldest->next)->resume();
    }
}

}  // namespace capture::base
