// The memory that an instance shares with the backend, with the offsets of plugin_backend/daw_plugin/shared_memory.py.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <type_traits>

#include "file_descriptor.hpp"
#include "pisada_tables.h"

namespace pisada {

using Word = std::atomic<std::uint32_t>;
using Tag = std::atomic<std::uint64_t>;
static_assert(sizeof(Word) == 4 && Word::is_always_lock_free && sizeof(Tag) == 8 && Tag::is_always_lock_free);

struct SlotEvent {
    std::uint32_t offsetSamples;
    std::uint8_t count, data[3];
};

constexpr std::size_t aligned(std::size_t offset) { return (offset + 63) / 64 * 64; }

static_assert(sizeof(SlotEvent) == 8 && std::is_trivially_copyable_v<SlotEvent>);
static_assert(tables::slot_events == tables::slot_parameters + 4 * tables::mostParameters);
static_assert(tables::slot_input == aligned(tables::slot_events + sizeof(SlotEvent) * tables::mostEvents));
static_assert(tables::parameterCount <= tables::mostParameters);
static_assert(tables::header_submitted / 64 != tables::header_answered / 64, "a cache line for each side");

// Whether the calls of Linux are used. PISADA_PLATFORM=portable chooses what other systems have; see
// plugin_backend/platform_calls.py.
inline bool hasLinuxCalls() {
#ifdef __linux__
    const char* asked = std::getenv("PISADA_PLATFORM");
    return !asked || std::strcmp(asked, "portable");
#else
    return false;
#endif
}

inline Descriptor portableMemory() {
    char name[48];
    static std::atomic<unsigned> made{0};
    std::snprintf(name, sizeof name, "/pisada.%ld.%u", static_cast<long>(::getpid()), made++);
    Descriptor memory(::shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
    if (memory) ::shm_unlink(name), ::fcntl(memory.number(), F_SETFD, FD_CLOEXEC);
    return memory;
}

// Unnamed memory that several processes can map: nothing remains if a host crashes.
inline Descriptor sharedMemory(std::size_t bytes) {
#ifdef __linux__
    Descriptor memory =
        hasLinuxCalls() ? Descriptor(::memfd_create("pisada", MFD_CLOEXEC | MFD_ALLOW_SEALING)) : portableMemory();
#else
    Descriptor memory = portableMemory();
#endif
    if (memory && ::ftruncate(memory.number(), static_cast<off_t>(bytes)) != 0) memory.close();
#ifdef __linux__  // the other side cannot make it shorter, which would crash the host (SIGBUS)
    if (memory && hasLinuxCalls()) ::fcntl(memory.number(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
#endif
    return memory;
}

class Mapping {
 public:
    explicit Mapping(std::size_t bytes) : bytes_(bytes), memory_(sharedMemory(bytes)) {
        if (!memory_) return;
        void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory_.number(), 0);
        if (at == MAP_FAILED) {
            memory_.close();
            return;
        }
        at_ = static_cast<std::byte*>(at);
        for (std::size_t page = 0; page < bytes; page += 4096) at_[page] = std::byte{0};  // so that no page fault comes later
        ::mlock(at, bytes);  // if the user's limit allows it
    }
    ~Mapping() {
        if (at_) ::munmap(at_, bytes_);
    }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    std::byte* at() const { return at_; }
    const Descriptor& descriptor() const { return memory_; }

 private:
    std::size_t bytes_;
    Descriptor memory_;
    std::byte* at_ = nullptr;
};

// One hop's slot. `T& field()` reads and writes in place.
class Slot {
 public:
    Slot(std::byte* at, int channels, int hop) : at_(at), hop_(hop), audio_(std::size_t(channels) * hop * 4) {}

    Tag& inTag() const { return as<Tag>(tables::slot_in_tag); }
    Tag& outTag() const { return as<Tag>(tables::slot_out_tag); }
    std::uint32_t& epoch() const { return as<std::uint32_t>(tables::slot_epoch); }
    std::uint32_t& flags() const { return as<std::uint32_t>(tables::slot_flags); }
    std::uint32_t& eventCount() const { return as<std::uint32_t>(tables::slot_event_count); }
    std::uint64_t& submittedNs() const { return as<std::uint64_t>(tables::slot_submitted_ns); }
    std::int64_t& positionSamples() const { return as<std::int64_t>(tables::slot_position_samples); }
    float* parameters() const { return &as<float>(tables::slot_parameters); }
    SlotEvent* events() const { return &as<SlotEvent>(tables::slot_events); }
    float* input(int channel) const { return &as<float>(tables::slot_input) + std::size_t(channel) * hop_; }
    const float* output(int channel) const {
        return &as<float>(aligned(tables::slot_input + audio_)) + std::size_t(channel) * hop_;
    }
    // At every sample the value of the parameter tables::exact[which].
    float* curve(std::size_t which) const { return &as<float>(curvesAt(audio_)) + which * std::size_t(hop_); }
    static std::size_t bytes(int channels, int hop) {
        return aligned(curvesAt(std::size_t(channels) * hop * 4) + 4 * tables::exactCount * std::size_t(hop));
    }

 private:
    static std::size_t curvesAt(std::size_t audio) { return aligned(aligned(tables::slot_input + audio) + audio); }
    template <class T>
    T& as(std::size_t offset) const {
        return *reinterpret_cast<T*>(at_ + offset);
    }
    std::byte* at_;
    int hop_;
    std::size_t audio_;
};

class Memory {
 public:
    Memory(double rateHz, int channels, int hop)
        : rateHz(rateHz), channels(channels), hop(hop),
          mapping_(tables::headerBytes + tables::slots * Slot::bytes(channels, hop)) {
        if (!*this) return;
        as<std::uint32_t>(tables::header_version) = tables::version;
        as<std::uint32_t>(tables::header_channels) = static_cast<std::uint32_t>(channels);
        as<std::uint32_t>(tables::header_hop_samples) = static_cast<std::uint32_t>(hop);
        as<double>(tables::header_rate_hz) = rateHz;
        as<std::uint32_t>(tables::header_host_pid) = static_cast<std::uint32_t>(::getpid());
        as<Word>(tables::header_magic).store(tables::magic, std::memory_order_release);
    }
    explicit operator bool() const { return mapping_.at() != nullptr; }
    const Descriptor& descriptor() const { return mapping_.descriptor(); }

    Word& submitted() const { return as<Word>(tables::header_submitted); }
    Word& closed() const { return as<Word>(tables::header_closed); }
    Word& answered() const { return as<Word>(tables::header_answered); }
    Word& state() const { return as<Word>(tables::header_state); }
    Word& hopNs() const { return as<Word>(tables::header_hop_ns); }
    Slot slot(std::uint64_t hopNumber) const {
        const std::size_t at = tables::headerBytes + (hopNumber % tables::slots) * Slot::bytes(channels, hop);
        return {mapping_.at() + at, channels, hop};
    }

    const double rateHz;
    const int channels, hop;

 private:
    template <class T>
    T& as(std::size_t offset) const {
        return *reinterpret_cast<T*>(mapping_.at() + offset);
    }
    Mapping mapping_;
};

// Samples of a hop at a host's rate: 512 up to 48 kHz, then in proportion, multiples of 512.
inline int hopOf(double rateHz) {
    const int times = (static_cast<int>(rateHz) + 47999) / 48000;
    return 512 * (times < 1 ? 1 : times);
}

}  // namespace pisada
