// What jemalloc reads when the process starts; the variable MALLOC_CONF is read after it and wins.
//
// A thread of its own gives freed pages back to the kernel. Otherwise a thread that frees and
// allocates does that beside its work, and one that is idle does it not at all: after a burst the
// process would stay as large as the burst.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "background_thread:true";
}
