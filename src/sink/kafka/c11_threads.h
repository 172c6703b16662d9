// Makes librdkafka's threads and locks visible to ThreadSanitizer. Nothing in other builds.
#pragma once

#if defined(__SANITIZE_THREAD__)
#define CAPTURE_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CAPTURE_THREAD_SANITIZER 1
#endif
#endif

namespace capture::sink::kafka {

#if CAPTURE_THREAD_SANITIZER
/// Links the definitions in; whoever makes a client calls it.
void use_posix_threads();
#else
inline void use_posix_threads() {}
#endif

}  // namespace capture::sink::kafka
