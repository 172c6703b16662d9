#include "load/request_mix.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <sstream>
#include <stdexcept>

namespace capture::bench {
namespace {

std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path.string());
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<std::size_t> find_keys(std::string_view bytes) {
    std::vector<std::size_t> found;
    for (std::size_t at = 0;
         (at = bytes.find(RequestMix::kKeyMark, at)) != std::string_view::npos;) {
        at += RequestMix::kKeyMark.size();
        if (at + RequestMix::kKeyDigits <= bytes.size()) found.push_back(at);
    }
    return found;
}

}  // namespace

RequestMix::RequestMix(const std::string& manifest) {
    std::filesystem::path const directory = std::filesystem::path(manifest).parent_path();
    std::istringstream lines(read_file(manifest));
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string file;
        Prebuilt request;
        if (!(words >> file >> request.events >> request.expect))
            throw std::runtime_error("not a line of a manifest: " + line);
        request.bytes = read_file(directory / file);
        request.keys = find_keys(request.bytes);
        requests_.push_back(std::move(request));
    }
    if (requests_.empty()) throw std::runtime_error("an empty manifest: " + manifest);
}

void RequestMix::number_keys(std::uint64_t keys) {
    keys_ = keys;
    // Near the golden section of the range and without a common divisor: a permutation that jumps.
    stride_ = static_cast<std::uint64_t>(static_cast<double>(keys) * 0.6180339887);
    while (std::gcd(stride_, keys) != 1)
        ++stride_;
}

const Prebuilt& RequestMix::next() {
    Prebuilt& request = requests_[turn_];
    if (++turn_ == requests_.size()) turn_ = 0;
    if (keys_ > 0) number(request);
    return request;
}

void RequestMix::number(Prebuilt& request) {
    for (std::size_t const at : request.keys) {
        key_ = (key_ + stride_) % keys_;
        std::uint64_t rest = key_;
        for (std::size_t digit = kKeyDigits; digit-- > 0; rest /= 10)
            request.bytes[at + digit] = static_cast<char>('0' + rest % 10);
    }
}

}  // namespace capture::bench
