#include "processor.hpp"

#include <cstdio>

#include "editor.hpp"

namespace pisada {

namespace {

using juce::String;

bool has(const tables::Parameter& row) { return thisKind == Kind::instrument ? row.instrument : row.effect; }

constexpr size_t slotIndices[] = {tables::index_preset, tables::index_preset_b};

}  // namespace

juce::AudioProcessor::BusesProperties Processor::buses() {
    const auto stereo = juce::AudioChannelSet::stereo();
    const auto out = BusesProperties().withOutput("Output", stereo);
    return thisKind == Kind::instrument ? out : out.withInput("Input", stereo);
}

Processor::Processor() : AudioProcessor(buses()) {
    for (size_t index = 0; index < tables::parameterCount; ++index)
        if (has(tables::parameters[index])) {
            Value::Named named;
            for (int slot = 0; slot < 2; ++slot)
                if (index == slotIndices[slot])
                    named = [this, slot](int number) { return presetList_.nameOf(slot, number); };
            addParameter(values_[index] = new Value(tables::parameters[index], named));
        }
    startTimerHz(10);
}

Processor::~Processor() {
    stopTimer();
    const std::lock_guard<std::recursive_mutex> lock(ticking_);  // an LV2 host may remove us on any thread
}

juce::AudioProcessorEditor* Processor::createEditor() { return new Editor(*this); }

bool Processor::isBusesLayoutSupported(const BusesLayout& layout) const {
    const auto out = layout.getMainOutputChannelSet();
    const bool known = out == juce::AudioChannelSet::mono() || out == juce::AudioChannelSet::stereo();
    return known && (thisKind == Kind::instrument || layout.getMainInputChannelSet() == out);
}

void Processor::prepareToPlay(double rateHz, int mostSamples) {
    statusPending_ = ! prepare(rateHz, mostSamples, 10000) && presetList_.backendStatus()->latents == 0;
    setLatencySamples(bridge_.latencySamples());
    reportLatency();
    showFailed(false);
}

bool Processor::prepare(double rateHz, int mostSamples, int waitForHelloMs) {
    const std::lock_guard<std::mutex> lock(preparing_);
    return bridge_.prepare(rateHz, getMainBusNumOutputChannels(), mostSamples, waitForHelloMs);
}

// `failed` stays set for hosts that reset at the end of a render: the next block reports it again.
void Processor::reset() { bridge_.reset(); }

void Processor::processBlock(juce::AudioBuffer<float>& sound, juce::MidiBuffer& midi) {
    play(sound, midi, value(tables::index_bypass)->get() >= 0.5f);
}

void Processor::processBlockBypassed(juce::AudioBuffer<float>& sound, juce::MidiBuffer& midi) {
    play(sound, midi, true);
}

void Processor::play(juce::AudioBuffer<float>& sound, const juce::MidiBuffer& midi, bool bypass) {
    float values[tables::parameterCount];
    for (size_t index = 0; index < tables::parameterCount; ++index)
        values[index] = values_[index] == nullptr ? tables::parameters[index].initial : values_[index]->get();
    for (int slot = 0; slot < 2; ++slot)
        values[slotIndices[slot]] = presetList_.backendNumber(slot, values[slotIndices[slot]]);

    int count = 0;
    if (thisKind == Kind::instrument)
        for (const auto event : midi)
            if (event.numBytes <= 3 && count < mostEvents) {
                auto& mine = events_[(size_t) count++];
                mine = {event.samplePosition, (std::uint8_t) event.numBytes, {}};
                std::copy_n(event.data, event.numBytes, mine.data);
            }

    const float* const* in = thisKind == Kind::instrument ? nullptr : sound.getArrayOfReadPointers();
    bridge_.process(in, sound.getArrayOfWritePointers(), sound.getNumSamples(), values, events_.data(), count,
                    isNonRealtime(), bypass);
    showFailed(bridge_.offlineFailed());
}

void Processor::showFailed(bool failed) {
    auto* parameter = value(tables::index_failed);
    if ((parameter->get() >= 0.5f) != failed)
        parameter->set(failed ? 1.0f : 0.0f);
}

double Processor::getTailLengthSeconds() const {
    // Instrument: the longest expected hit. Effect: the codec's tail and the smoothing.
    return thisKind == Kind::instrument ? 10.0 : 1.0 + 5 * value(tables::index_smooth_ms)->get() / 1000;
}

void Processor::timerCallback() {
    const std::lock_guard<std::recursive_mutex> lock(ticking_);
    const auto backendStatus = presetList_.backendStatus();
    // The backend came after `prepareToPlay` stopped waiting. Never while a host waits for exact sound.
    if (statusPending_ && backendStatus->latents > 0 && ! isNonRealtime() && statusPending_.exchange(false)) {
        suspendProcessing(true);  // from here on no block is being processed
        prepare(getSampleRate(), getBlockSize(), 0);
        suspendProcessing(false);
    }
    if (getSampleRate() > 0 && getLatencySamples() != bridge_.latencySamples())
        setLatencySamples(bridge_.latencySamples());
    if (shown_ == backendStatus->serial)
        return;
    shown_ = backendStatus->serial;
    std::string names;
    for (const auto& preset : backendStatus->bank)
        names += preset.name + '\n';
    if (names != shownNames_) {
        shownNames_ = names;
        updateHostDisplay(ChangeDetails().withParameterInfoChanged(true));
    }
}

void Processor::choose(int slot, int number, bool sessions) {
    if (! sessions && presetList_.isSessions(slot, number))
        presetList_.forget(slot);  // only after that: an undo returns to the session's preset
    auto* parameter = value(slotIndices[slot]);
    parameter->beginChangeGesture();
    parameter->set((float) number);
    parameter->endChangeGesture();
}

juce::String Processor::problem() {
    const auto backendStatus = presetList_.backendStatus();
    if (! backendStatus->problem.empty())
        return String::fromUTF8(backendStatus->problem.c_str());
    const std::lock_guard<std::mutex> lock(mutex_);
    if (refusal_.isNotEmpty() || unkept_.isNotEmpty())
        return refusal_.isNotEmpty() ? refusal_ : unkept_;
    const auto fingerprint = String::fromUTF8(backendStatus->fingerprint.c_str());
    if (savedFingerprint_.isNotEmpty() && fingerprint.isNotEmpty() && savedFingerprint_ != fingerprint)
        return "the session was saved with another model (" + savedModel_ + " " + savedFingerprint_.substring(0, 8)
               + "): it sounds different";
    return {};
}

std::map<String, float> Processor::currentValues() const {
    std::map<String, float> values;
    for (const auto* each : values_)
        if (each != nullptr && each->row().sort != tables::Sort::reading)
            values[each->row().id] = each->get();
    return values;
}

void Processor::getStateInformation(juce::MemoryBlock& into) {
    State state;
    state.values = currentValues();
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (! refused_.isEmpty() && state.values == refusedAt_) {
            into = refused_;
            return;
        }
        state.model = savedModel_;
        state.fingerprint = savedFingerprint_;
    }
    const auto backendStatus = presetList_.backendStatus();
    if (! backendStatus->fingerprint.empty()) {
        state.model = String::fromUTF8(backendStatus->model.c_str());
        state.fingerprint = String::fromUTF8(backendStatus->fingerprint.c_str());
    }
    state.kind = thisKind == Kind::instrument ? "instrument" : "effect";
    String unkept;
    for (int slot = 0; slot < 2; ++slot) {
        auto& chosen = state.slots[(size_t) slot] = presetList_.kept(slot, (int) value(slotIndices[slot])->get());
        if (chosen.number > 0 && chosen.file.isEmpty())
            unkept = "preset " + (String(chosen.number) + " " + chosen.name).trimEnd()
                     + " is saved by its number only, because its file cannot be read now: save again when it can";
    }
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (unkept.isNotEmpty() && unkept != unkept_)
            std::fprintf(stderr, "pisada: %s\n", unkept.toRawUTF8());
        unkept_ = unkept;
    }
    into.reset();
    juce::MemoryOutputStream(into, false).writeText(written(state), false, false, nullptr);
}

void Processor::setStateInformation(const void* data, int bytes) {
    State state;
    const auto refusal = read(data, bytes, state);
    if (refusal.problem.isNotEmpty()) {
        std::fprintf(stderr, "pisada: %s\n", refusal.problem.toRawUTF8());
        const auto values = currentValues();
        const std::lock_guard<std::mutex> lock(mutex_);
        refusal_ = refusal.problem;
        refused_.replaceAll(data, refusal.newer ? (size_t) bytes : 0);
        refusedAt_ = values;
        return;
    }
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        refusal_.clear();
        refused_.reset();
        savedModel_ = state.model;
        savedFingerprint_ = state.fingerprint;
    }
    for (int slot = 0; slot < 2; ++slot)
        presetList_.restore(slot, state.slots[(size_t) slot]);
    for (auto* each : values_) {
        if (each == nullptr || each->row().sort == tables::Sort::reading)
            continue;
        const auto found = state.values.find(each->row().id);
        each->set(found == state.values.end() ? each->row().initial : found->second);
    }
}

}  // namespace pisada
