#include "sink/kafka/value_memory.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>

namespace capture::sink::kafka {
namespace {

constexpr std::size_t kBlock = Blocks::kLargest;
/// What writers reserve beyond what they are about to write.
constexpr std::size_t kMargin = 8 * 1024;
/// A value of this size is not copied: its draft becomes a chunk.
constexpr std::size_t kLarge = 8 * 1024;
/// Has room for every value that is copied, unless its writer reserves far more than it needs.
constexpr std::size_t kDraft = kBlock;
constexpr std::size_t kChargeStep = 16 * 1024;

/// The calling thread's draft while it writes into none.
class SpareDraft {
  public:
    ~SpareDraft() { give_back(block_); }

    Block take() {
        return block_.begin ? std::exchange(block_, {}) : Blocks::shared().take(kDraft);
    }
    void put(Block draft) {
        if (block_.begin) return give_back(draft);
        block_ = draft;
    }

  private:
    static void give_back(Block block) {
        if (block.begin) Blocks::shared().give_back({&block, 1});
    }
    Block block_;
};
thread_local SpareDraft spare_draft;

/// What was abandoned stays reachable, also when the process ends, so that a leak checker sees no
/// leak in it. Any thread.
void keep_for_ever(std::vector<Block> blocks) {
    static std::mutex mutex;
    static auto& kept = *new std::vector<std::vector<Block>>;
    std::lock_guard const lock(mutex);
    kept.push_back(std::move(blocks));
}

}  // namespace

// --- Chunks
// ----------------------------------------------------------------------------------------------------------

Chunks::Chunks(Chunks&& other) noexcept
    : charge_(std::move(other.charge_)),
      first_(std::exchange(other.first_, {})),
      more_(std::move(other.more_)) {}

Chunks& Chunks::operator=(Chunks&& other) noexcept {
    if (this == &other) return *this;
    clear();
    charge_ = std::move(other.charge_);
    first_ = std::exchange(other.first_, {});
    more_ = std::move(other.more_);
    return *this;
}

void Chunks::add(Block block) {
    if (!first_.begin) {
        first_ = block;
        return;
    }
    if (!more_) more_ = std::make_unique<std::vector<Block>>();
    more_->push_back(block);
}

void Chunks::move_to(std::vector<Block>& blocks) {
    if (!first_.begin) return;
    blocks.push_back(std::exchange(first_, {}));
    if (!more_) return;
    blocks.insert(blocks.end(), more_->begin(), more_->end());
    more_.reset();
}

void Chunks::clear() {
    charge_.clear();
    if (!first_.begin) return;
    std::vector<Block> blocks;
    move_to(blocks);
    Blocks::shared().give_back(blocks);
}

void Chunks::abandon() {
    charge_.clear();
    std::vector<Block> blocks;
    move_to(blocks);
    keep_for_ever(std::move(blocks));
}

// --- ValueMemory
// -----------------------------------------------------------------------------------------------------

void ValueMemory::start(std::size_t size, std::size_t count) {
    expected_ = count;
    if (count > 1) step_ = kChargeStep;
    std::size_t const bytes = std::max(kDraft, size + kMargin);
    if (draft_.bytes < bytes) {
        drop_draft();
        draft_ = bytes == kDraft ? spare_draft.take() : allocate(bytes);
    }
    write_into(draft_, 0);
}

void ValueMemory::grow(std::size_t need) {
    std::size_t const used = size();
    Block const larger = allocate(std::max(used + need, 2 * used));
    if (used > 0) std::memcpy(larger.begin, begin_, used);
    drop_draft();
    draft_ = larger;
    write_into(draft_, used);
}

void ValueMemory::write_into(Block block, std::size_t used) {
    begin_ = block.begin;
    cursor_ = block.begin + used;
    end_ = block.begin + block.bytes;
}

char* ValueMemory::finish() {
    std::size_t const bytes = size();
    char* place = begin_;
    if (bytes >= kLarge) {
        if (draft_.bytes == kDraft) pay(kDraft);
        chunks_.add(std::exchange(draft_, {}));
    } else {
        if (static_cast<std::size_t>(free_end_ - free_) < bytes) {
            Block const chunk = allocate(std::max(bytes, std::min(bytes * expected_, kBlock)));
            chunks_.add(chunk);
            free_ = chunk.begin;
            free_end_ = chunk.begin + chunk.bytes;
        }
        if (bytes > 0) std::memcpy(free_, begin_, bytes);
        place = std::exchange(free_, free_ + bytes);
    }
    begin_ = cursor_ = end_ = nullptr;
    if (expected_ <= 1) drop_draft();  // here and not where the group is submitted
    return place;
}

Block ValueMemory::allocate(std::size_t bytes) {
    Block const block = Blocks::shared().take(bytes);
    pay(block.bytes);
    return block;
}

void ValueMemory::pay(std::size_t bytes) {
    std::size_t const wanted = used_ + bytes;
    base::Charge& charge = chunks_.charge();
    if (wanted > charge.bytes()) {
        std::size_t const missing = wanted - charge.bytes();
        bool const paid = (missing < step_ && charge.add(step_)) || charge.add(missing);
        if (!paid) {
            refused_ = true;
            return;
        }
    }
    used_ = wanted;
}

/// What was refused has not been paid.
void ValueMemory::unpay(std::size_t bytes) {
    used_ -= std::min(used_, bytes);
}

void ValueMemory::drop_draft() {
    if (!draft_.begin) return;
    Block const draft = std::exchange(draft_, {});
    if (draft.bytes == kDraft) {
        spare_draft.put(draft);
    } else {
        unpay(draft.bytes);
        Blocks::shared().give_back({&draft, 1});
    }
    begin_ = cursor_ = end_ = nullptr;
}

void ValueMemory::seal() {
    drop_draft();
    base::Charge& charge = chunks_.charge();
    charge.reduce(charge.bytes() - used_);
}

void ValueMemory::clear() {
    drop_draft();
    chunks_.clear();
    free_ = free_end_ = nullptr;
    used_ = 0;
}

}  // namespace capture::sink::kafka
