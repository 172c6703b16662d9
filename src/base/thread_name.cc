#include "base/thread_name.h"

#include <pthread.h>

namespace capture::base {

ThreadName::ThreadName(std::string_view name) {
    pthread_getname_np(pthread_self(), before_.data(), before_.size());
    std::array<char, 16> cut{};
    name.copy(cut.data(), cut.size() - 1);
    pthread_setname_np(pthread_self(), cut.data());
}

ThreadName::~ThreadName() {
    pthread_setname_np(pthread_self(), before_.data());
}

}  // namespace capture::base
