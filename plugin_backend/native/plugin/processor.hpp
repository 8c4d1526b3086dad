// The plug-in for the host: parameters, layouts, latency, state. The bridge makes the sound.
#pragma once

#include <juce_audio_processors/juce_audio_processors.h>

#include "latency_reporter.hpp"
#include "parameter.hpp"
#include "preset_list.hpp"

namespace pisada {

extern const Kind thisKind;  // which of the two plug-ins this library is
extern const char* const thisName;

class Processor : public juce::AudioProcessor, public LatencyReporter, private juce::Timer {
 public:
    Processor();
    ~Processor() override;

    Value* value(size_t index) const noexcept { return values_[index]; }  // null: it belongs to the other plug-in
    PresetList& presetList() noexcept { return presetList_; }
    Meter takeMeter() { return bridge_.takeMeter(); }
    juce::String problem();  // for the user, one line; "": none
    void choose(int slot, int number, bool sessions);  // the bank's, or the session's of that number
    int editorWidth = 0;                // as it was left

    void prepareToPlay(double rateHz, int mostSamples) override;
    void releaseResources() override {}
    void reset() override;
    void processBlock(juce::AudioBuffer<float>& sound, juce::MidiBuffer& midi) override;
    void processBlockBypassed(juce::AudioBuffer<float>& sound, juce::MidiBuffer& midi) override;
    juce::AudioProcessorParameter* getBypassParameter() const override { return value(tables::index_bypass); }
    bool isBusesLayoutSupported(const BusesLayout& layout) const override;
    double getTailLengthSeconds() const override;

    void getStateInformation(juce::MemoryBlock& into) override;
    void setStateInformation(const void* data, int bytes) override;

    const juce::String getName() const override { return thisName; }
    bool acceptsMidi() const override { return thisKind == Kind::instrument; }
    bool producesMidi() const override { return false; }
    int getNumPrograms() override { return 1; }
    int getCurrentProgram() override { return 0; }
    void setCurrentProgram(int) override {}
    const juce::String getProgramName(int) override { return "Default"; }
    void changeProgramName(int, const juce::String&) override {}
    bool hasEditor() const override { return true; }
    juce::AudioProcessorEditor* createEditor() override;

 private:
    static BusesProperties buses();
    void timerCallback() override;
    bool prepare(double rateHz, int mostSamples, int waitForHelloMs);
    void play(juce::AudioBuffer<float>& sound, const juce::MidiBuffer& midi, bool bypass);
    void showFailed(bool failed);
    std::map<juce::String, float> currentValues() const;

    static constexpr int mostEvents = (int) (tables::slots * tables::mostEvents);  // of a block: as many as the whole ring holds

    Bridge bridge_{thisKind};
    PresetList presetList_{bridge_};
    std::array<Value*, tables::parameterCount> values_{};  // the base class owns them
    std::array<MidiEvent, mostEvents> events_;
    std::recursive_mutex ticking_;  // a host may run its loop inside our calls
    std::mutex preparing_;  // hosts call prepare on any thread
    std::atomic<bool> statusPending_{false};  // the backend had sent nothing yet at `prepare`
    unsigned shown_ = 0;      // the status that was read last,
    std::string shownNames_;  // and the names that the host got from it

    std::mutex mutex_;  // of what follows
    juce::String refusal_, unkept_, savedModel_, savedFingerprint_;
    juce::MemoryBlock refused_;  // a newer version's state: returned unchanged as long as nothing is changed
    std::map<juce::String, float> refusedAt_;
};

}  // namespace pisada
