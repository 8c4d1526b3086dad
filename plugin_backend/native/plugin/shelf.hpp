// The presets one can choose: the bank's, and one a slot that came with the session and stands before the bank's.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>

#include "bridge/bridge.hpp"
#include "state.hpp"

namespace pisada {

class Shelf {
 public:
    explicit Shelf(Bridge& bridge) : bridge_(bridge) {}

    std::shared_ptr<const Told> told();  // the backend's last words; not the audio thread

    // "" where there is none of that number.
    juce::String nameOf(int slot, int number);
    bool isSessions(int slot, int number) const noexcept { return number > 0 && number == shadowed_[(size_t) slot]; }
    int sessions(int slot) const noexcept { return shadowed_[(size_t) slot]; }  // its number; 0: none came with it

    // What a slot's number is to the backend: 0 for the session's preset. The audio thread.
    float heard(int slot, float number) const noexcept { return isSessions(slot, (int) number) ? 0.0f : number; }

    // The preset of that number with its file, for a session to keep; without one if it cannot be read.
    Chosen kept(int slot, int number);

    // From now on this number is the session's preset; an empty file: the bank's, as any other.
    void restore(int slot, const Chosen& chosen);
    void forget(int slot);  // the bank's again

 private:
    Bridge& bridge_;
    std::mutex mutex_;
    std::shared_ptr<const Told> told_;
    std::array<Chosen, 2> session_, read_;
    std::array<std::atomic<int>, 2> shadowed_{};
};

}  // namespace pisada
