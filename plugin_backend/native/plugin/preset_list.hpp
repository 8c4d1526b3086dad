// The presets a user can choose: the bank's, and one per slot saved with the session, which replaces the bank's.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>

#include "bridge/bridge.hpp"
#include "state.hpp"

namespace pisada {

class PresetList {
 public:
    explicit PresetList(Bridge& bridge) : bridge_(bridge) {}

    std::shared_ptr<const BackendStatus> backendStatus();  // the backend's last status; not for the audio thread

    // "" if there is no preset of that number.
    juce::String nameOf(int slot, int number);
    bool isSessions(int slot, int number) const noexcept { return number > 0 && number == shadowed_[(size_t) slot]; }
    int sessions(int slot) const noexcept { return shadowed_[(size_t) slot]; }  // its number; 0: there is none

    // The backend's number of a slot's preset: 0 for the session's preset. For the audio thread.
    float backendNumber(int slot, float number) const noexcept { return isSessions(slot, (int) number) ? 0.0f : number; }

    // The preset of that number with its file, to be saved in a session; without a file if it cannot be read.
    Chosen kept(int slot, int number);

    // Makes this number the session's preset; an empty file: the bank's preset, as for any other number.
    void restore(int slot, const Chosen& chosen);
    void forget(int slot);  // back to the bank's

 private:
    Bridge& bridge_;
    std::mutex mutex_;
    std::shared_ptr<const BackendStatus> backendStatus_;
    std::array<Chosen, 2> session_, read_;
    std::array<std::atomic<int>, 2> shadowed_{};
};

}  // namespace pisada
