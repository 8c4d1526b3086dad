#include "shelf.hpp"

#include <algorithm>

namespace pisada {

namespace {

const BankPreset* find(const Told& told, int number) {
    const auto found = std::find_if(told.bank.begin(), told.bank.end(), [=](auto& each) { return each.number == number; });
    return found == told.bank.end() ? nullptr : &*found;
}

}  // namespace

std::shared_ptr<const Told> Shelf::told() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (told_ == nullptr || told_->serial != bridge_.toldSerial())
        told_ = std::make_shared<const Told>(bridge_.told());
    return told_;
}

juce::String Shelf::nameOf(int slot, int number) {
    if (number == 0)
        return "none";
    if (isSessions(slot, number)) {
        const std::lock_guard<std::mutex> lock(mutex_);
        return session_[(size_t) slot].name;
    }
    const auto known = told();
    const auto* preset = find(*known, number);
    return preset == nullptr ? juce::String() : juce::String::fromUTF8(preset->name.c_str());
}

Chosen Shelf::kept(int slot, int number) {
    if (isSessions(slot, number)) {
        const std::lock_guard<std::mutex> lock(mutex_);
        return session_[(size_t) slot];
    }
    const auto known = told();
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

void Shelf::restore(int slot, const Chosen& chosen) {
    if (chosen.file.isEmpty() || chosen.number < 1)
        return forget(slot);
    const auto* bytes = static_cast<const std::uint8_t*>(chosen.file.getData());
    bridge_.session(slot, chosen.name.toStdString(), {bytes, bytes + chosen.file.getSize()});
    const std::lock_guard<std::mutex> lock(mutex_);
    session_[(size_t) slot] = chosen;
    shadowed_[(size_t) slot] = chosen.number;
}

void Shelf::forget(int slot) {
    if (shadowed_[(size_t) slot].exchange(0) != 0)
        bridge_.session(slot, {}, {});
    const std::lock_guard<std::mutex> lock(mutex_);
    session_[(size_t) slot] = {};
}

}  // namespace pisada
