// Any bytes through gunzip, under several caps. First byte: the cap.
#include <cstring>

#include "decode/gzip.h"
#include "fuzz_input.h"

using namespace capture;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::FuzzInput input(data, size);
    constexpr std::size_t kCaps[]{0, 1, 100, 8192, 20'000, 65'536, 70'000, 300'000};
    std::size_t const cap = kCaps[input.byte() % std::size(kCaps)];
    base::Budget budget(400'000, 400'000);
    {
        base::Buffer out(&budget);
        // The inflater is no instrumented code: a byte pattern behind the most that it may write
        // shows a write beyond it.
        std::size_t const most = cap + 8192;
        if (!out.reserve(most)) return 0;
        std::memset(out.data() + most, 0x5A, base::Buffer::kSlack);
        decode::CodecStatus const status = decode::gunzip(input.rest(), cap, out);
        for (std::size_t i = 0; i < base::Buffer::kSlack; ++i) {
            fuzz::expect(out.data()[most + i] == 0x5A, "nothing is written behind the cap");
        }
        fuzz::expect(out.capacity() <= cap + 32'768, "memory stays near the cap");
        if (status == decode::CodecStatus::OverLimit) {
            fuzz::expect(out.size() > cap && out.size() <= cap + 8192, "one read beyond the cap");
        }
        if (status == decode::CodecStatus::Ok) {
            fuzz::expect(out.size() <= cap, "under the cap");
            base::Buffer again;
            fuzz::expect(decode::gunzip(input.rest(), out.size(), again) == decode::CodecStatus::Ok,
                         "a cap of exactly the size passes");
            fuzz::expect(again.view() == out.view(), "the cap does not change the text");
            if (!out.empty()) {
                fuzz::expect(decode::gunzip(input.rest(), out.size() - 1, again) ==
                                 decode::CodecStatus::OverLimit,
                             "one byte less does not");
            }
        }
    }
    fuzz::expect(budget.used() == 0, "every charge is released");
    return 0;
}
