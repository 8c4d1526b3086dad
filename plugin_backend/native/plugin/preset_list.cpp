#include "preset_list.hpp"

#include <algorithm>

namespace pisada {

namespace {

const BankPreset* find(const BackendStatus& backendStatus, int number) {
    const auto found = std::find_if(backendStatus.bank.begin(), backendStatus.bank.end(), [=](auto& each) { return each.number == number; });
    return found == backendStatus.bank.end() ? nullptr : &*found;
}

}  // namespace

std::shared_ptr<const BackendStatus> PresetList::backendStatus() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (backendStatus_ == nullptr || backendStatus_->serial != bridge_.statusSerial())
        backendStatus_ = std::make_shared<const BackendStatus>(bridge_.backendStatus());
    return backendStatus_;
}

juce::String PresetList::nameOf(int slot, int number) {
    if (number == 0)
        return "none";
    if (isSessions(slot, number)) {
        const std::lock_guard<std::mutex> lock(mutex_);
        return session_[(size_t) slot].name;
    }
    const auto known = backendStatus();
    const auto* preset = find(*known, number);
    return preset == nullptr ? juce::String() : juce::String::fromUTF8(preset->name.c_str());
}

Chosen PresetList::kept(int slot, int number) {
    if (isSessions(slot, number)) {
        const std::lock_guard<std::mutex> lock(mutex_);
        return session_[(size_t) slot];
    }
    const auto known = backendStatus();
    const auto* preset = find(*known, number);
    if (preset == nullptr)
        return {number, {}, {}, {}};
    const auto digest = juce::String::fromUTF8(preset->digest.c_str());
    const std::lock_guard<std::mutex> lock(mutex_);
    auto& last = read_[(size_t) slot];
    if (last.number == number && last.digest == digest && ! last.file.isEmpty())
        return last;
    last = {number, juce::String::fromUTF8(preset->name.c_str()), digest, {}};
    const juce::File file(juce::String::fromUTF8(preset->path.c_str()));
    if (file.getSize() > mostPresetBytes || ! file.loadFileAsData(last.file))
        last.file.reset();
    return last;
}

void PresetList::restore(int slot, const Chosen& chosen) {
    if (chosen.file.isEmpty() || chosen.number < 1)
        return forget(slot);
    const auto* bytes = static_cast<const std::uint8_t*>(chosen.file.getData());
    bridge_.session(slot, chosen.name.toStdString(), {bytes, bytes + chosen.file.getSize()});
    const std::lock_guard<std::mutex> lock(mutex_);
    session_[(size_t) slot] = chosen;
    shadowed_[(size_t) slot] = chosen.number;
}

void PresetList::forget(int slot) {
    if (shadowed_[(size_t) slot].exchange(0) != 0)
        bridge_.session(slot, {}, {});
    const std::lock_guard<std::mutex> lock(mutex_);
    session_[(size_t) slot] = {};
}

}  // namespace pisada
