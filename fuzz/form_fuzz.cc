// Any bytes as a form body.
#include <string>

#include "decode/form.h"
#include "decode/utf8.h"
#include "fuzz_input.h"

using namespace capture;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view const text = fuzz::FuzzInput(data, size).rest();
    base::Budget budget(1 << 20, 1 << 20);
    {
        base::Buffer payload(&budget);
        if (!payload.append(text)) return 0;
        decode::FormFields fields;
        decode::FormStatus const status = decode::unwrap_form(payload, fields);
        if (status == decode::FormStatus::Ok) {
            if (fields.has_data) {
                fuzz::expect(decode::is_utf8(payload.view()), "data is UTF-8");
                fuzz::expect(payload.size() <= 3 * text.size(), "at most three times as long");
            } else {
                fuzz::expect(payload.view() == text, "without data nothing changes");
            }
            if (fields.compression)
                fuzz::expect(fields.compression->size() <= 192, "hints are short");
        }
        (void)decode::looks_like_form(text);
    }
    fuzz::expect(budget.used() == 0, "every charge is released");
    return 0;
}
